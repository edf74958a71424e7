"""A customer changes their address: a fresh log-in, a button in the new mailbox, a way to contest it in the old one."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.models import AddressHold, Customer, LoginSession
from tests.web.conftest import row_counts

NEW = "claire@neuf.example"


@pytest.fixture
def page_of(visit):
    return f"{visit.home}profile/address"


@pytest.fixture
def links(letters):
    """The paths that were mailed to an address, oldest first."""

    def read(to, kind=""):
        found = [re.search(rf"http://portal\.test(/account/\S+/address/{kind}\S+)", one.text) for one in letters()
                 if one.recipient == to]  # fmt: skip
        return [one[1] for one in found if one is not None]

    return read


def grow_old(ctx, minutes=11):
    with ctx.db.begin() as session:
        session.execute(update(LoginSession).values(authenticated_at=utc_now() - timedelta(minutes=minutes)))


def email_of(ctx, customer):
    with ctx.db.read() as session:
        return session.get_one(Customer, customer.id).email


def test_from_the_profile_to_the_new_mailbox_and_back_in(ctx, visit, page_of, links):
    page = visit.browser.get(f"{visit.home}profile").follow("Change my email address")
    page = page.submit(email=f" {NEW.upper()} ")
    assert page.path == f"{visit.home}profile"
    assert page.notices == [f"An email goes to {NEW.upper()}. Press its button there."]
    assert NEW in page.text.lower()
    assert email_of(ctx, visit.customer) != NEW
    visit.browser.get(links(NEW)[0]).submit(press="Confirm this address")
    assert email_of(ctx, visit.customer) == NEW
    assert "/login" in visit.browser.get(visit.home).path, "every session rested on the former address"


def test_it_can_be_withdrawn_while_it_waits(ctx, visit, page_of, links):
    page = visit.browser.submit(page_of, email=NEW).submit(press="Withdraw the new address")
    assert page.notices == ["Withdrawn: your address stays as it is."]
    assert visit.browser.get(links(NEW)[0], status=410).h1 == "This link confirms nothing any more"
    assert not page.select("form[action$=withdrawal]")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter your email address."),
        ("claire", "Enter an address like name@example.com."),
        ("c" * 250 + "@x.example", "This address is too long."),
        ("{own}", "This is your address already. Enter another one."),
    ],
)
def test_what_is_no_new_address_is_said_and_kept(ctx, visit, page_of, letters, typed, said):
    typed = typed.format(own=visit.customer.email)
    page = visit.browser.get(page_of).submit(email=typed, status=422)
    assert said in page.text
    assert page.values(page.form(having=("email",)))["email"] == typed
    assert letters() == []


def test_an_address_of_somebody_else_here_is_told_nothing_of(make, visit, page_of):
    make.customer(visit.merchant, email=NEW, name="Anna")
    used = visit.browser.submit(page_of, email=NEW)
    free = visit.browser.submit(page_of, email="claire@neat.example")
    assert used.notices[0].replace(NEW, "x") == free.notices[0].replace("claire@neat.example", "x")
    assert "Anna" not in used.text


def test_an_older_log_in_is_made_anew_first_and_nothing_typed_is_lost(ctx, visit, page_of, code_and_link):
    page = visit.browser.get(page_of)
    grow_old(ctx)
    asked = page.submit(email=NEW)
    assert asked.h1 == "Log in once more"
    assert visit.customer.email in asked.text
    page = asked.submit(press="Send me a code").submit(code=code_and_link()[0])
    assert page.path == page_of
    assert page.values(page.form(having=("email",)))["email"] == NEW
    assert page.submit(press="Send the confirmation email").path == f"{visit.home}profile"


@pytest.mark.parametrize(("minutes", "asks"), [(9, False), (11, True)])
def test_ten_minutes_is_recent(ctx, visit, page_of, minutes, asks):
    grow_old(ctx, minutes)
    assert ("Log in once more" in visit.browser.get(page_of).h1) is asks


def test_the_former_mailbox_contests_it_by_one_button_which_opens_nothing(ctx, other_browser, visit, page_of, links):
    former = visit.customer.email
    visit.browser.submit(page_of, email=NEW)
    other_browser.get(links(NEW)[0], Accept_Language="en").submit(press="Confirm this address")
    (link,) = links(former, "hold/")
    before = row_counts(ctx)
    page = other_browser.get(link)
    assert row_counts(ctx) == before, "a scanner that opens it changes nothing"
    assert NEW not in page.body
    page = page.submit(press="This was not me")
    assert page.h1.endswith("has been told")
    assert not page.select("main form")
    assert email_of(ctx, visit.customer) == NEW
    assert "/login" in other_browser.get(visit.home).path, "no session came of it"
    assert other_browser.get(link).h1.endswith("has been told"), "pressed again it says the same"


def test_while_it_is_contested_the_profile_says_so_and_offers_no_change(
    ctx, browser, seat_customer, visit, page_of, links
):
    former = visit.customer.email
    visit.browser.submit(page_of, email=NEW)
    browser.get(links(NEW)[0], Accept_Language="en").submit(press="Confirm this address")
    browser.get(links(former, "hold/")[0]).submit(press="This was not me")
    seat_customer(visit.browser, visit.merchant, visit.customer)
    page = visit.browser.get(f"{visit.home}profile")
    assert "contested" in page.text
    assert page_of not in [link["href"] for link in page.select("a")]
    assert "contested" in visit.browser.get(page_of).notices[0]


@pytest.mark.parametrize("how", ["altered", "expired", "decided", "another merchant's"])
def test_a_link_that_holds_nothing_says_so_and_where_to_turn(ctx, make, browser, visit, page_of, links, how):
    former = visit.customer.email
    visit.browser.submit(page_of, email=NEW)
    browser.get(links(NEW)[0], Accept_Language="en").submit(press="Confirm this address")
    (link,) = links(former, "hold/")
    changes = {"expires_at": utc_now()}
    if how == "decided":
        changes = {"outcome": "kept", "held_at": utc_now(), "decided_at": utc_now()}
    if how in ("expired", "decided"):
        with ctx.db.begin() as session:
            session.execute(update(AddressHold).values(**changes))
    link += "x" if how == "altered" else ""
    if how == "another merchant's":
        link = link.replace(visit.merchant.slug, make.merchant(locale="en").slug)
    page = browser.get(link, status=410)
    assert not page.select("main form")
    assert "write to" in page.text
    with ctx.db.read() as session:
        assert session.scalars(select(AddressHold.held_at)).one() is None or how == "decided"
