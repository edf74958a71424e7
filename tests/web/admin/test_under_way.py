"""What the portal carries on by itself, on the desk's home: what it is at first, then the days that come soonest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.domain.ends.end_requests import RequestState
from portal.queries.ends import under_way
from tests.web.admin.waiting import make_request


@pytest.fixture
def merchant(make, now):
    """One whose first steps are taken: the desk's home is what there is to do."""
    return make.merchant(name="L’Atelier", locale="en", first_customer_at=now)


@pytest.fixture
def ending(make, merchant, now):
    """Make somebody's subscription with a request to end it."""

    def ask(name, *, paid_in, **columns):
        customer = make.customer(merchant, name=name, email=f"{name.lower()}@client.test")
        held = make.subscription(
            merchant=merchant, customer=customer, at_paypal=False, next_payment_at=now + timedelta(days=paid_in)
        )
        return make_request(make, held, now, **{"state": RequestState.RECORDED, **columns})

    return ask


def names(page):
    return [row.select_one("th").get_text(" ", strip=True).split(" ")[0] for row in page.select("#under-way tbody tr")]


def test_what_is_tried_now_comes_before_what_has_its_day_to_come(owner, ending, now):
    ending("Planned-later", paid_in=1, due_at=now + timedelta(days=60))
    ending("Planned-soon", paid_in=2, due_at=now + timedelta(days=6))
    ending("Tried-second", paid_in=20, state=RequestState.RETRYING)
    ending("Tried-first", paid_in=10, state=RequestState.RETRYING)
    ending("Day-came", paid_in=15, due_at=now - timedelta(hours=1))
    ending("Refused", paid_in=3, state=RequestState.NEEDS_MERCHANT)
    assert names(owner.get("/admin/")) == ["Tried-first", "Day-came", "Tried-second", "Planned-soon", "Planned-later"]


def test_of_the_planned_ends_the_first_are_shown_and_the_list_has_them_all(owner, ending, now):
    for number in range(under_way.MOST_PLANNED + 2):
        ending(f"Planned-{number:02}", paid_in=40 - number, due_at=now + timedelta(days=50 + number))
    page = owner.get("/admin/")
    assert names(page) == [f"Planned-{number:02}" for number in range(under_way.MOST_PLANNED)]
    listed = owner.get(page.select_one("#under-way a[href*='planned']")["href"])
    assert len(listed.select("tbody tr")) == under_way.MOST_PLANNED + 2


def test_nothing_leads_to_a_list_that_would_show_the_same(owner, ending, now):
    ending("Alone", paid_in=40, due_at=now + timedelta(days=50))
    assert not owner.get("/admin/").select("#under-way a[href*='planned']")


def test_that_there_are_more_than_these_is_said(owner, ending, now, monkeypatch):
    said = "Only some of the requests that are being carried out are shown here."
    for number in range(2):
        ending(f"Tried-{number}", paid_in=10 + number, state=RequestState.RETRYING)
    assert said not in owner.get("/admin/").text
    monkeypatch.setattr(under_way, "PAGE", 1)
    page = owner.get("/admin/")
    assert said in page.text
    assert names(page) == ["Tried-0"]
