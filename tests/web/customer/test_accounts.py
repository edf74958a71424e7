"""Two customers of one address: whoever logs in by it chooses, until staff join them (issue 10, B15)."""

from __future__ import annotations

import pytest

SHARED = "zoe@xn--bcher-kva.example"
QUESTION = "Which account?"


@pytest.fixture
def twins(make):
    merchant = make.merchant(locale="en")
    first = make.customer(merchant, name="Zoé", email=SHARED)
    second = make.customer(merchant, name="Zoe", email=SHARED, email_place=1)
    piano, chant = (make.product(merchant, name=name) for name in ("Cours de piano", "Cours de chant"))
    make.subscription(merchant=merchant, customer=first, product=piano)
    make.subscription(merchant=merchant, customer=second, product=chant)
    return merchant, first, second


@pytest.mark.parametrize("typed", ["zoe@bücher.example", SHARED])
def test_the_log_in_shows_both_and_opens_the_one_that_is_chosen(browser, twins, code_and_link, typed):
    merchant, _first, _second = twins
    page = browser.submit(f"/account/{merchant.slug}/login", email=typed).submit(code=code_and_link()[0])
    assert page.h1 == QUESTION
    assert "Cours de piano" in page.text
    assert "Cours de chant" in page.text
    page = page.submit(press="See these: Cours de chant (" + page.text.split("Cours de chant (")[1].split(")")[0] + ")")
    assert page.h1.endswith(", you have one subscription")
    assert "Cours de chant" in page.text
    assert "Cours de piano" not in page.text


def test_whoever_keeps_the_first_goes_where_they_were_going(browser, twins, code_and_link):
    merchant, _first, _second = twins
    there = f"/account/{merchant.slug}/sessions"
    page = browser.get(there).submit(email=SHARED).submit(code=code_and_link()[0])
    assert page.h1 == QUESTION
    assert page.follow("See these").path == there


def test_nobody_chooses_a_customer_of_another_address_or_merchant(browser, make, twins, log_in_customer):
    merchant, first, _second = twins
    log_in_customer(browser, merchant, first)
    token = browser.values_of(browser.get("/accessibility"))["csrf_token"]
    for foreign in (make.customer(merchant), make.customer(make.merchant(), email=SHARED)):
        data = {"csrf_token": token, "customer": str(foreign.id)}
        browser.post(f"/account/{merchant.slug}/accounts/choice", data, status=404)
    browser.post(f"/account/{merchant.slug}/accounts/choice", {"csrf_token": token, "customer": "x"}, status=404)


def test_an_address_of_one_customer_asks_nothing(browser, make, log_in_customer):
    merchant = make.merchant(locale="en")
    assert log_in_customer(browser, merchant, make.customer(merchant)).h1.startswith("Hello Claire")
