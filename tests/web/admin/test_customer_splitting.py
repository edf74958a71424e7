"""The desk separates two merged records again, after a page that says what goes where."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.models import Customer, CustomerJoining
from portal.services.people import customer_addresses
from tests.services.people.test_customer_splitting import BY
from tests.web.admin.test_customer_addresses import SHARED, record, twins  # noqa: F401


@pytest.fixture
def joined(ctx, support, twins, make, merchant):  # noqa: F811
    """The customer who was kept; the other one had a subscription."""
    make.subscription(merchant=merchant, customer=twins[1])
    support.get(record(twins[0])).follow("Merge the two…").submit(press="Merge them")
    return twins[0]


def splitting(ctx, joined) -> str:
    with ctx.db.read() as session:
        joining_id = session.scalars(select(CustomerJoining.id)).one()
    return f"{record(joined)}/splitting/{joining_id}"


def test_the_record_says_it_and_leads_to_a_page_that_says_what_goes(ctx, support, joined, twins, letters):  # noqa: F811
    page = support.get(record(joined))
    assert "Merged with the record of Zoe on" in page.text
    page = page.follow("Separate again…")
    assert page.h1 == "Separate the two records again?"
    assert "Cours de piano" in page.select_one("#goes").get_text()
    with ctx.db.read() as session:
        assert session.get(Customer, twins[1].id) is None, "nothing before the button"
    page = page.submit(press="Separate them")
    assert page.notices == ["They are two customers again. Both are told by email."]
    assert "Cours de piano" not in page.select_one("#subscriptions").get_text()
    assert "Merged with" not in page.text
    assert "Cours de piano" in support.get(record(twins[1])).select_one("#subscriptions").get_text()
    assert sum("separated your record from another one" in letter.subject for letter in letters()) == 1


def test_pressed_twice_it_says_so(ctx, support, joined):
    page, stale = support.get(splitting(ctx, joined)), support.get(splitting(ctx, joined))
    page.submit(press="Separate them")
    assert stale.submit(press="Separate them").notices == ["They are separated already."]


def test_an_address_that_is_another_s_by_now_is_said_with_the_way_there(ctx, support, joined, make, merchant):
    page = support.get(splitting(ctx, joined))
    with ctx.db.begin() as session:
        row = session.get_one(Customer, joined.id)
        customer_addresses.change(ctx, session, row, "zoe@neuf.example", by=BY, now=make.now())
    other = make.customer(merchant, name="Zoltan", email=SHARED)
    page = page.submit(press="Separate them", status=422)
    assert "which Zoe had, is the address of another record today" in page.text
    assert page.link("Zoltan") == record(other)
    assert "Separate them" not in page.text


def test_a_reader_and_a_stranger_separate_nothing(ctx, reader, enter, make, joined):
    there = splitting(ctx, joined)
    assert "Separate again" not in reader.get(record(joined)).text
    reader.get(there, status=403)
    enter(make.merchant(locale="en")).get(there, status=404)
