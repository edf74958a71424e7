"""The page behind the link that a new address gets: opening it changes nothing, pressing its button once does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from portal.domain.audit import By
from portal.models import AddressChange, Customer
from portal.services.people import address_changes

OLD, NEW = "claire@client.test", "claire@neuf.example"


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


@pytest.fixture
def claire(make, merchant):
    return make.customer(merchant, email=OLD, name="Claire")


@pytest.fixture
def link(ctx, claire, letters, now):
    """The path that was mailed to the new address."""
    with ctx.db.begin() as session:
        row = session.get_one(Customer, claire.id)
        address_changes.ask(ctx, session, row, NEW, by=By(channel="staff", name="Léa"), now=now)
    text = next(one.text for one in letters() if one.recipient == NEW)
    return re.search(r"http://portal\.test(/account/\S+/address/\S+)", text)[1]


def email_of(ctx, customer):
    with ctx.db.read() as session:
        return session.get_one(Customer, customer.id).email


def test_whoever_opens_it_changes_nothing(ctx, browser, claire, link):
    commits = []
    event.listen(ctx.db.engine, "commit", lambda connection: commits.append(connection))
    for _again in range(2):
        page = browser.get(link)
        assert browser.client.head(link, base_url=browser.base_url).status_code == 200
    assert commits == []
    assert "c…@neuf.example" in page.text
    assert NEW not in page.body, "the link may lie open somewhere"
    assert page.response.headers["Referrer-Policy"] == "no-referrer"
    assert email_of(ctx, claire) == OLD


def test_pressed_it_is_confirmed_once_and_one_logs_in_with_it(ctx, browser, other_browser, claire, merchant, link):
    page = browser.get(link).submit(press="Confirm this address")
    assert page.path == f"/account/{merchant.slug}/login"
    assert page.notices == ["This address is confirmed. Log in with it from now on."]
    assert email_of(ctx, claire) == NEW
    again = other_browser.get(link, status=410)
    assert again.h1 == "This address is confirmed already"


def test_the_customer_who_was_logged_in_is_no_more(browser, other_browser, seat_customer, merchant, claire, link):
    seat_customer(other_browser, merchant, claire)
    home = f"/account/{merchant.slug}/"
    assert other_browser.get(home).path == home
    browser.get(link).submit(press="Confirm this address")
    assert "login" in other_browser.get(home).path


@pytest.mark.parametrize("how", ["ran out", "withdrawn", "mistyped"])
def test_a_link_that_is_over_says_so_and_offers_no_button(ctx, browser, make, claire, merchant, link, how, now):
    page = browser.get(link)
    if how == "ran out":
        with ctx.db.begin() as session:
            session.execute(update(AddressChange).values(expires_at=now - timedelta(seconds=1)))
    if how == "withdrawn":
        address_changes.withdraw(ctx, merchant.id, claire.id, by=By(), now=now)
    if how == "mistyped":
        page = None
        link += "x"
    over = page.submit(press="Confirm this address", status=410) if page else browser.get(link, status=410)
    assert over.h1 == "This link confirms nothing any more"
    assert not over.select("main form")
    assert email_of(ctx, claire) == OLD


def test_at_another_merchant_s_the_link_is_over(browser, make, link, merchant):
    other = make.merchant(locale="en")
    browser.get(link.replace(merchant.slug, other.slug), status=410)
