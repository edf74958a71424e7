"""An end that a program asked for: the desk reads which key it was, a customer that the merchant did it."""

from __future__ import annotations

import pytest

from portal.documents.askings import asked_rows
from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.services.carrying import end_carrying
from tests.browser_client import Browser
from tests.documents.proof_facts import facts
from tests.web.api.ids import shown

KEY = "Course site"  # as `key_of` calls it
READS_ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


@pytest.fixture
def row(make, merchant):
    return make.subscription(merchant=merchant)


@pytest.fixture
def owner(app, hire, seat_staff, merchant):
    return english(seat_staff(Browser(app, address="192.0.2.8"), hire(merchant, locale="en")))


@pytest.fixture
def customer(app, seat_customer, merchant, row):
    return english(seat_customer(Browser(app, address="192.0.2.9"), merchant, row.customer))


def english(browser):
    browser.client.environ_base |= READS_ENGLISH
    return browser


def ended(make, program, ctx, merchant, row, asked_by):
    """Ask for the end by the API, and let PayPal confirm it."""
    answer = program(merchant).post("/end_requests", {"subscription": shown("sub", row), "asked_by": asked_by})
    assert answer.status_code == 202
    (request,) = make.requests(row)
    end_carrying.carry_out(ctx, merchant.id, request.id)
    return make.requests(row)[0]


def test_the_desk_reads_that_it_was_the_api_and_by_which_key(make, program, ctx, paypal, merchant, row, owner):
    request = ended(make, program, ctx, merchant, row, "merchant")
    for path in (f"subscriptions/{row.id}", f"customers/{row.customer_id}", "audit"):
        page = owner.get(f"/admin/{path}")
        assert f"API (key “{KEY}”)" in page.text, path
        assert "Merchant’s team – API" not in page.text, path
    assert request.actor_name == KEY


def test_a_customer_reads_that_the_merchant_did_it_and_no_key(make, program, ctx, paypal, merchant, row, customer):
    request = ended(make, program, ctx, merchant, row, "merchant")
    home = f"/account/{merchant.slug}"
    for path in (f"{home}/subscriptions/{row.id}", f"{home}/requests/{request.reference}"):
        page = customer.get(path)
        assert "L’Atelier (API)" in page.text, path
        assert KEY not in page.body, path


def test_a_customer_whose_wish_was_passed_on_reads_that_they_asked_and_where(
    make, program, ctx, paypal, merchant, row, customer, owner
):
    request = ended(make, program, ctx, merchant, row, "customer")
    home = f"/account/{merchant.slug}"
    for path in (f"{home}/subscriptions/{row.id}", f"{home}/requests/{request.reference}"):
        page = customer.get(path)
        assert "(through L’Atelier, API)" in page.text, path
        assert KEY not in page.body, path
    assert "Customer – API" in owner.get(f"/admin/subscriptions/{row.id}").text


@pytest.mark.parametrize(
    ("actor", "channel", "said"),
    [
        (Actor.STAFF, Channel.API, "L’École (API)"),
        (Actor.CUSTOMER, Channel.API, "Claire Fontaine (through L’École, API)"),
        (Actor.CUSTOMER, Channel.PORTAL, "Claire Fontaine (Customer account page)"),
        (Actor.STAFF, Channel.STAFF, "L’École (Merchant desk)"),
    ],
)
def test_the_proof_says_so_too(actor, channel, said):
    words = Translator("en")
    rows = asked_rows(facts(actor=actor, channel=channel), words, Formatter("en", "Europe/Paris", words))
    assert ("Requested by", said) in rows
