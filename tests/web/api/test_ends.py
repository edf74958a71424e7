"""Ends by the API: recorded at once, carried by the one engine, and true once PayPal says so."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError

from portal.api import end_requests
from portal.domain.ends.end_requests import Channel, RequestState
from portal.domain.integrations.api_keys import Mode
from portal.domain.policies import Actor, Override
from portal.domain.subscriptions import Status
from portal.models import AuditEntry, PayPalAccount, Proof, TimelineEntry
from portal.services.carrying import end_carrying
from tests.web.api.ids import shown


def ask(api, row, **more):
    return api.post("/end_requests", {"subscription": shown("sub", row), **more})


def test_it_is_accepted_and_true_only_once_paypal_says_so(make, program, ctx, paypal):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api = program(merchant)
    answer = ask(api, row, reason_text="Asked for on the site")
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/end_requests/{answer.json['id']}"
    assert (answer.json["status"], answer.json["outcome"], answer.json["channel"]) == ("pending", "cancelled", "api")
    held = api.get(f"/subscriptions/{shown('sub', row)}").json
    assert (held["status"], held["ended_at"]) == ("active", None)
    assert held["end_requested_at"] is not None

    (request,) = make.requests(row)
    carry(ctx, merchant, request)
    told = api.get(answer.headers["Location"].removeprefix("/v1")).json
    assert told["status"] == "confirmed"
    assert told["confirmed_at"] is not None
    assert api.get(f"/subscriptions/{shown('sub', row)}").json["status"] == "cancelled"
    assert paypal.subscriptions[row.provider_id].status == "CANCELLED"


def carry(ctx, merchant, request):
    end_carrying.carry_out(ctx, merchant.id, request.id)


def test_who_asked_and_by_which_door_is_kept_everywhere(make, program, ctx):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    ask(program(merchant), row)
    (request,) = make.requests(row)
    assert (request.actor, request.channel, request.actor_name) == (Actor.STAFF, Channel.API, "Course site")
    carry(ctx, merchant, request)
    with ctx.db.read() as session:
        entries = session.scalars(select(TimelineEntry).where(TimelineEntry.subscription_id == row.id)).all()
        audits = session.scalars(
            select(AuditEntry).where(AuditEntry.subject_id == row.id).order_by(AuditEntry.number)
        ).all()
        proof = session.scalars(select(Proof)).one()
    assert {entry.channel for entry in entries if entry.kind in ("end_requested", "ended")} == {Channel.API}
    assert {audit.channel for audit in audits if audit.act == "subscription.end_requested"} == {"api"}
    assert proof.facts["channel"] == "api"


def test_asked_twice_it_is_one(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api = program(merchant)
    first, second = ask(api, row).json, ask(api, row).json
    assert first["id"] == second["id"]
    assert len(make.requests(row)) == 1


@pytest.mark.parametrize("outcome", ["completed", "abandoned"])
def test_the_merchant_chooses_the_outcome(make, program, outcome):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    assert ask(program(merchant), row, outcome=outcome).json["outcome"] == outcome


def test_for_a_customer_their_own_rules_hold(make, program):
    merchant = make.merchant(self_cancellation=False)
    row = make.subscription(merchant=merchant)
    api = program(merchant)
    refused = ask(api, row, asked_by="customer")
    assert (refused.status_code, refused.json["reason"]) == (409, "self_cancellation_off")
    assert ask(api, row, asked_by="customer", outcome="completed").json["reason"] == "staff_only"
    assert make.requests(row) == []
    allowed = make.subscription(merchant=merchant, product=make.product(merchant, self_cancellation=Override.ON))
    told = ask(api, allowed, asked_by="customer").json
    assert (told["asked_by"], told["channel"]) == ("customer", "api")


def test_a_planned_one_is_taken_back(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api = program(merchant)
    day = (make.now() + timedelta(days=60)).date().isoformat()
    planned = ask(api, row, wished_on=day).json
    assert (planned["status"], planned["wished_on"]) == ("planned", day)
    taken = api.post(f"/end_requests/{planned['id']}/withdraw")
    assert (taken.status_code, taken.json["status"]) == (200, "withdrawn")
    again = api.post(f"/end_requests/{planned['id']}/withdraw")
    assert again.json["status"] == "withdrawn"
    assert make.requests(row)[0].state is RequestState.WITHDRAWN


@pytest.mark.parametrize("has_waited", [False, True])
def test_the_merchants_own_is_taken_back_while_nothing_was_sent(make, program, ctx, has_waited):
    """Without a key it waits for days: nobody has told PayPal, and a mistake can be undone."""
    merchant = make.merchant()
    row, sent = make.subscription(merchant=merchant), make.subscription(merchant=merchant)
    api = program(merchant)
    late = ask(api, sent).json
    carry(ctx, merchant, make.requests(sent)[0])
    refused = api.post(f"/end_requests/{late['id']}/withdraw")
    assert (refused.status_code, refused.json["reason"]) == (409, "already_sent")
    own = ask(api, row).json
    if has_waited:
        with ctx.db.begin() as session:
            session.execute(delete(PayPalAccount))
        carry(ctx, merchant, make.requests(row)[0])
        assert make.requests(row)[0].state is RequestState.NEEDS_MERCHANT
    taken = api.post(f"/end_requests/{own['id']}/withdraw")
    assert (taken.status_code, taken.json["status"]) == (200, "withdrawn")
    assert make.requests(row)[0].state is RequestState.WITHDRAWN


def test_where_the_database_fails_after_the_commit_nothing_is_told_as_undone(make, program, monkeypatch):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api = program(merchant)

    def away(*_given, **_named):
        raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    monkeypatch.setattr(end_requests, "_shown", away)
    answer = ask(api, row)
    assert (answer.status_code, len(make.requests(row))) == (503, 1)
    assert "may have been done or not" in answer.json["detail"]
    assert answer.headers["Retry-After"]


def test_for_a_customer_it_is_taken_back_while_nothing_was_sent(make, program, ctx):
    merchant = make.merchant()
    row, sent = make.subscription(merchant=merchant), make.subscription(merchant=merchant)
    api = program(merchant)
    mine = ask(api, row, asked_by="customer").json
    assert api.post(f"/end_requests/{mine['id']}/withdraw").json["status"] == "withdrawn"
    late = ask(api, sent, asked_by="customer").json
    carry(ctx, merchant, make.requests(sent)[0])
    refused = api.post(f"/end_requests/{late['id']}/withdraw")
    assert (refused.status_code, refused.json["reason"]) == (409, "already_sent")


def test_what_a_customer_asked_for_in_their_space_is_theirs_to_take_back(make, program, seat_customer, browser):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api = program(merchant)
    seat_customer(browser, merchant, row.customer)
    browser.submit(f"/account/{merchant.slug}/subscriptions/{row.id}/cancellation")
    (request,) = make.requests(row)
    assert request.channel is Channel.PORTAL
    refused = api.post(f"/end_requests/{shown('end', request)}/withdraw")
    assert (refused.status_code, refused.json["reason"]) == (409, "not_by_api")
    assert make.requests(row)[0].state is not RequestState.WITHDRAWN


def test_over_is_over(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant, status=Status.COMPLETED)
    refused = ask(program(merchant), row)
    assert (refused.status_code, refused.json["code"]) == (409, "conflict")


def test_nobody_ends_what_they_do_not_see(make, program):
    theirs = make.subscription(merchant=make.merchant())
    merchant = make.merchant()
    own = make.subscription(merchant=merchant)
    assert ask(program(merchant), theirs).status_code == 404
    assert ask(program(merchant, mode=Mode.LIVE), own).status_code == 404
    assert make.requests(theirs) == make.requests(own) == []


def test_requests_are_listed_with_what_was_taken_back(make, program):
    merchant = make.merchant()
    row, other = make.subscription(merchant=merchant), make.subscription(merchant=merchant)
    api = program(merchant)
    day = (make.now() + timedelta(days=60)).date().isoformat()
    first = ask(api, row, wished_on=day).json["id"]
    api.post(f"/end_requests/{first}/withdraw")
    second, third = ask(api, row).json["id"], ask(api, other).json["id"]
    assert {one["id"] for one in api.get("/end_requests").json["data"]} == {first, second, third}
    listed = api.get("/end_requests", subscription=shown("sub", row)).json["data"]
    assert [one["id"] for one in listed] == [second, first]


def test_a_suspended_merchant_still_ends(make, program):
    merchant = make.merchant(suspended_at=make.now(), suspended_why="unpaid")
    row = make.subscription(merchant=merchant)
    assert ask(program(merchant), row).status_code == 202


@pytest.mark.parametrize("who", ["customer", "merchant"])
@pytest.mark.parametrize(("days", "status"), [(-1, 422), (0, 422), (1, 202), (730, 202), (731, 422), (36_500, 422)])
def test_a_day_is_wished_as_on_the_pages_from_tomorrow_on_within_two_years(make, program, who, days, status):
    merchant = make.merchant(self_cancellation=True)
    row = make.subscription(merchant=merchant)
    day = make.now().astimezone(ZoneInfo(merchant.time_zone)).date() + timedelta(days=days)
    answer = ask(program(merchant), row, wished_on=day.isoformat(), asked_by=who)
    assert answer.status_code == status
    if status == 422:
        assert [error["pointer"] for error in answer.json["errors"]] == ["/wished_on"]
        assert make.requests(row) == []


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("who", ["customer", "merchant"])
def test_a_day_that_no_calendar_reckons_with_is_refused(make, program, day, who):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    refused = ask(program(merchant), row, wished_on=day, asked_by=who)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == ["/wished_on"]
    assert make.requests(row) == []
