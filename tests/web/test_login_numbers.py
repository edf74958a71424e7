"""No mail came: a number from a receipt opens the same door, and says nothing of whose it is; or one leaves word."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from portal.clock import utc_now
from portal.models import LoginChallenge, ReceivedRequest
from portal.services.people import login_numbers
from tests.browser_client import Browser

SEND = "Send me a code"


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, email="zoe@client.test", name="Zoé")


@pytest.fixture
def held(make, merchant, zoe):
    return make.subscription(merchant=merchant, customer=zoe)


@pytest.fixture
def visitor(browser):
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def page_of(merchant, more=""):
    return f"/account/{merchant.slug}/login{more}"


def as_said(page, number):
    """The page's text without what the visitor typed, and without tokens."""
    return re.sub(r'value="[^"]*"', "", page.body.replace(number, "…"))


def test_the_number_of_a_subscription_or_a_payment_sends_the_code_to_the_address_on_file(
    visitor, merchant, held, make, letters, code_and_link
):
    paid = make.payment(held, 3)
    for number in (held.provider_id.lower(), f"  {held.provider_id[:6]} {held.provider_id[6:]} ", paid.provider_id):
        with time_machine.travel(utc_now() + timedelta(minutes=11 * (len(letters()) + 1)), tick=False):
            page = visitor.submit(page_of(merchant, "/number"), press=SEND, number=number)
            assert letters()[-1].recipient == "zoe@client.test"
            assert "client.test" not in page.body, "the address is shown to nobody"
    assert len(letters()) == 3


def test_its_code_logs_in_and_leads_where_one_wanted_to_go(visitor, merchant, held, code_and_link):
    there = f"/account/{merchant.slug}/subscriptions/{held.id}"
    page = visitor.get(page_of(merchant, f"/number?next={there}")).submit(press=SEND, number=held.provider_id)
    assert page.submit(code=code_and_link()[0]).path == there


def test_the_answer_is_the_same_whether_anybody_is_found(app, merchant, held, letters, make):
    other = make.merchant(locale="en")
    elsewhere = make.subscription(merchant=other)
    nameless = make.subscription(merchant=merchant, customer=make.customer(merchant, email=None))
    shown = {}
    for place, number in enumerate((held.provider_id, "I-NOBODYHAS1T1", elsewhere.provider_id, nameless.provider_id)):
        one = Browser(app, address=f"192.0.2.{place * 1 + 30}")
        one.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        for _time in range(2):  # asked again, a live mail is bound to, and that is not seen either
            page = one.submit(page_of(merchant, "/number"), press=SEND, number=number)
            shown.setdefault(as_said(page, number), []).append(number)
    assert len(shown) == 1, "one page for all"
    assert [mail.recipient for mail in letters()] == ["zoe@client.test"]


def test_what_finds_nobody_does_the_same_work(ctx, merchant, held, visitor, statements):
    counted = []
    for number in (held.provider_id, "I-NOBODYHAS1T1"):
        page = visitor.get(page_of(merchant, "/number"))
        with statements() as seen:
            page.submit(press=SEND, number=number, follow=False, status=303)
        counted.append(len(seen))
    assert abs(counted[0] - counted[1]) <= 1, counted


def test_an_address_that_cannot_be_is_nobodys(visitor, merchant, ctx, letters):
    visitor.submit(page_of(merchant, "/number"), press=SEND, number="???")
    with ctx.db.read() as session:
        (row,) = session.scalars(select(LoginChallenge)).all()
    assert (row.email, row.customer_id) == (f"none@{login_numbers.NOBODY}", None)
    assert letters() == []


def test_guessing_numbers_is_slowed_down_by_network_and_by_merchant(visitor, other_browser, merchant, monkeypatch):
    for number in range(10):
        visitor.submit(page_of(merchant, "/number"), press=SEND, number=f"I-{number:012}")
    visitor.submit(page_of(merchant, "/number"), press=SEND, number="I-000000000010", status=429)
    monkeypatch.setattr(login_numbers, "OF_MERCHANT", 10)
    other_browser.get(page_of(merchant, "/number")).submit(number="I-000000000011", status=429)
    other_browser.get(page_of(merchant)).submit(email="a@b.test")  # the log-in itself stays open


def test_who_finds_no_way_in_leaves_word_and_reads_its_reference(visitor, merchant, letters, ctx, held):
    page = visitor.submit(page_of(merchant), email="old@client.test")
    page = page.follow("Leave a message to L’Atelier")
    page = page.submit(
        press="Send to L’Atelier",
        name="Zoé",
        email="New@Client.test",
        number=held.provider_id.lower(),
        message="I want to cancel.",
    )
    with ctx.db.read() as session:
        (row,) = session.scalars(select(ReceivedRequest)).all()
    assert row.reference in page.text
    assert page.path == page_of(merchant, "/help/recorded")
    assert (row.email, row.contract, row.is_open) == ("new@client.test", held.provider_id, True)
    assert row.suggested_subscription_id == held.id
    acknowledged = next(mail for mail in letters() if mail.recipient == "new@client.test")
    assert row.reference in acknowledged.subject
    assert "I want to cancel" not in acknowledged.text + acknowledged.html, "strangers write to nobody through us"
    assert "Zoé" not in acknowledged.text + acknowledged.html


def test_the_reference_is_shown_in_its_browser_alone(visitor, other_browser, merchant, make):
    visitor.submit(page_of(merchant, "/help"), name="Zoé", email="zoe@client.test", message="Help")
    assert other_browser.get(page_of(merchant, "/help/recorded")).path == page_of(merchant, "/help")
    elsewhere = make.merchant()
    assert visitor.get(page_of(elsewhere, "/help/recorded")).path == page_of(elsewhere, "/help")


def test_what_is_left_out_is_asked_for_and_nothing_is_lost(visitor, merchant):
    page = visitor.submit(page_of(merchant, "/help"), message="Help", status=422)
    assert page.errors == ["Enter your name.", "Enter your email address."]
    assert page.soup.select_one("textarea").get_text().strip() == "Help"
