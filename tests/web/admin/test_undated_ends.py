"""Ends whose last day PayPal never named: staff enter it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.domain.ends.end_requests import Basis, RequestState
from portal.domain.policies import Actor
from portal.models import Customer, EndRequest, Subscription, TimelineEntry
from portal.queries import inbox
from portal.services import aging
from tests.web.admin.waiting import count_of, make_request, titles


def test_an_unknown_date_is_entered_told_and_lets_the_request_close(ctx, owner, undated, letters, now):
    subscription, request = undated
    assert "does not say until when it is paid" in owner.get("/admin/").text
    last = (now + timedelta(days=12)).date()
    form = owner.get(f"/admin/subscriptions/{subscription.id}/paid-until")
    form.submit(last_day=last.isoformat())
    again = form.submit(last_day=last.isoformat())  # the second click of a double one
    assert again.path == f"/admin/subscriptions/{subscription.id}"
    assert "The end of the paid time is known." in again.notices
    with ctx.db.read() as session:
        row = session.get_one(Subscription, subscription.id)
        kinds = set(session.scalars(select(TimelineEntry.kind)))
    assert row.paid_until == row.access_until == row.ended_at
    assert timedelta(days=11) < row.paid_until - now < timedelta(days=14)
    assert "date_given" in kinds
    assert str(last.day) in letters()[-1].text
    assert titles(owner.get("/admin/")) == []
    aging.close_over(ctx, now=now + timedelta(days=15))
    with ctx.db.read() as session:
        assert session.get_one(EndRequest, request.id).state is RequestState.CLOSED


def test_a_date_that_is_unknown_of_an_end_that_was_repeated_is_asked_for_once(ctx, make, merchant, undated, now):
    subscription, first = undated
    ended = {"confirmed_at": now, "basis": Basis.READ_AFTER_CALL, "state": RequestState.CONFIRMED}
    make_request(make, subscription, now + timedelta(hours=1), actor=Actor.SYSTEM, **ended)
    assert count_of(ctx, merchant, now) == 1
    with ctx.db.read() as session:
        assert inbox.missing_date(session, merchant.id, subscription.id).id == first.id


def test_whoever_has_no_address_is_not_called_told(ctx, owner, undated, now):
    subscription, _request = undated
    with ctx.db.begin() as session:
        session.execute(update(Customer).values(email=None, name="Zoé"))
    path, words = f"/admin/subscriptions/{subscription.id}/paid-until", "Zoé has no email address here"
    for page in (
        owner.get("/admin/"),
        owner.get(path),
        owner.submit(path, last_day=(now + timedelta(days=12)).date().isoformat()),
    ):
        assert words in page.text
        assert "is told" not in page.text


@pytest.mark.parametrize("last_day", ["", "1999-99-99", "1990-01-01", "2199-01-01"])
def test_a_bad_date_is_refused_in_words_and_writes_nothing(ctx, owner, undated, last_day):
    subscription, _request = undated
    page = owner.submit(f"/admin/subscriptions/{subscription.id}/paid-until", last_day=last_day, status=422)
    assert page.select("#errors")
    with ctx.db.read() as session:
        assert session.get_one(Subscription, subscription.id).paid_until is None
