"""Ends that wait for a day (cancellation.md, rule 10): after the last payment owed and before the next one."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, time, timedelta

import pytest
from babel.dates import format_date
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.dates.end_dates import WaitReason
from portal.domain.dates.periods import add_months
from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status
from portal.models import EndRequest, Subscription
from portal.services.dates.end_schedules import avoidable, beginning_of, plan
from tests.services.carrying.carried import ask, carry, mails, row
from tests.services.dates.planning import MINUTES, day_in_french, days_ahead, jobs, letters, reading_of, see, take
from tests.services.renewals.renewing import START, renewing

PARIS = "Europe/Paris"


def test_a_wished_day_leaves_the_payments_before_it_and_tells_paypal_in_between(ctx, make, paypal, subscription):
    first = subscription.next_payment_at
    request = carry(ctx, ask(ctx, make, subscription, wished_on=days_ahead(subscription, 60)))

    assert (request.state, request.wait_reason) == (RequestState.RECORDED, WaitReason.WISH)
    assert add_months(first, 1) < request.due_at < add_months(first, 2)
    assert request.wished_on == days_ahead(subscription, 60)
    assert request.due_at >= beginning_of(request.wished_on, "Europe/Paris"), "never before the day that was chosen"
    assert request.shown["payments_left"] == 2
    assert request.shown["last_payment_at"] == add_months(first, 1).isoformat()
    assert request.shown["next_payment_at"] == add_months(first, 2).isoformat()
    assert len(paypal.calls) == 0
    assert jobs(ctx) == [request.due_at]


def test_7_payments_around_a_planned_end_are_reckoned_from_the_start_and_not_from_a_short_months_end(ctx, make):
    """Begun on a 31st; PayPal names the end of February next, and takes the payment after it on 31 March."""
    begun = datetime(utc_now().year, 1, 31, 10, tzinfo=UTC) - timedelta(days=365 * 3)
    begun = begun.replace(month=1, day=31)
    february = next(at for at in (add_months(begun, 12 * n + 1) for n in range(9)) if at > utc_now() + timedelta(20))
    held = make.subscription(started_at=begun, next_payment_at=february, last_payment_at=february - timedelta(28))
    request = ask(ctx, make, held, wished_on=february.date() + timedelta(days=3))
    assert request.shown["last_payment_at"] == february.isoformat()
    assert request.shown["next_payment_at"] == february.replace(month=3, day=31).isoformat()


def test_a_wished_day_before_the_next_payment_waits_for_it_and_leaves_none(ctx, make, paypal, subscription):
    request = carry(ctx, ask(ctx, make, subscription, wished_on=days_ahead(subscription, 5)))
    assert (request.state, request.wait_reason) == (RequestState.RECORDED, WaitReason.WISH)
    assert request.due_at == beginning_of(days_ahead(subscription, 5), "Europe/Paris")
    assert (request.shown["payments_left"], request.shown["next_payment_at"]) == (
        0,
        subscription.next_payment_at.isoformat(),
    )
    with ctx.db.begin() as session:
        session.execute(update(EndRequest).values(due_at=utc_now()))
    assert carry(ctx, request).state is RequestState.CONFIRMED
    after = make.reload(subscription)
    assert (after.access_until, after.ended_at) == (subscription.paid_until,) * 2, "what is paid stays open"
    (told,) = letters(ctx, "end_confirmed")
    wished = datetime.combine(days_ahead(subscription, 5), time(12), tzinfo=UTC)
    said = f"Date de résiliation souhaitée : {format_date(wished, 'EEEE', locale='fr')} {day_in_french(wished)}"
    assert said in " ".join(told.split())


def test_a_wished_day_too_near_to_a_payment_is_told_at_once(ctx, make, merchant):
    """Two days before the next payment nothing waits any more: it would be taken."""
    held = make.subscription(merchant=merchant, next_payment_at=make.now() + timedelta(days=2))
    request = ask(ctx, make, held, wished_on=days_ahead(held, 1))
    assert (request.due_at, request.wished_on) == (None, days_ahead(held, 1))


def test_the_end_comes_forward_to_the_wished_day_once_the_last_payment_owed_is_seen(ctx, make, subscription):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 22))
    last = subscription.next_payment_at
    assert request.due_at == last + timedelta(days=11)
    paid = reading_of(subscription, next_billing_at=add_months(last, 1), last_payment_at=last + timedelta(minutes=4))
    declined = dataclasses.replace(paid, last_payment_at=subscription.last_payment_at)
    see(ctx, subscription, declined)
    assert row(ctx, request.id).due_at == request.due_at, "PayPal tries it again: nobody knows yet"
    see(ctx, subscription, paid)
    after = row(ctx, request.id)
    assert after.due_at == beginning_of(request.wished_on, "Europe/Paris") == jobs(ctx)[-1]
    assert letters(ctx, "end_moved") == [], "the customer was told so from the start"


@pytest.mark.parametrize(("status", "is_seen"), [("COMPLETED", True), ("REFUNDED", True), ("PENDING", False)])
def test_the_payment_awaited_is_seen_by_the_payments_known_not_by_paypals_last_one(
    ctx, make, subscription, status, is_seen
):
    """PayPal's summary may lag, and may name a payment that is still on its way."""
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 22))
    last = subscription.next_payment_at
    named = last + timedelta(minutes=4) if status == "PENDING" else subscription.last_payment_at
    take(ctx, subscription, last + MINUTES, status=status)
    see(ctx, subscription, reading_of(subscription, next_billing_at=add_months(last, 1), last_payment_at=named))
    assert (row(ctx, request.id).due_at < request.due_at) is is_seen


@pytest.mark.parametrize("early", [timedelta(minutes=-4), timedelta(hours=3)])
@pytest.mark.parametrize("knows", [False, True])
def test_a_read_that_lags_behind_the_last_payment_moves_nothing_and_mails_nothing(
    ctx, make, subscription, early, knows
):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 22))
    last = subscription.next_payment_at
    came = last - early
    right = reading_of(subscription, next_billing_at=add_months(last, 1), last_payment_at=came)
    stale = reading_of(subscription, last_payment_at=came if knows else subscription.last_payment_at)
    take(ctx, subscription, came)
    seen = []
    for reading in (right, stale, right):
        see(ctx, subscription, reading)
        seen.append(row(ctx, request.id))
    assert {one.due_at for one in seen} == {beginning_of(request.wished_on, "Europe/Paris")}
    assert {one.awaited_at for one in seen} == {None}
    assert letters(ctx, "end_moved") == []


def test_the_read_that_lags_may_be_the_first_that_tells_of_the_payment(ctx, make, subscription):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 22))
    last = subscription.next_payment_at
    for named in (last, add_months(last, 1), last):
        see(ctx, subscription, reading_of(subscription, next_billing_at=named, last_payment_at=last + MINUTES))
        assert row(ctx, request.id).due_at == beginning_of(request.wished_on, "Europe/Paris")
    assert letters(ctx, "end_moved") == []


def test_a_payment_before_the_one_owed_is_not_taken_for_it_while_paypal_names_that_one(ctx, make, subscription):
    """It may be another: a debt that the merchant took by hand."""
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 22))
    last = subscription.next_payment_at
    see(ctx, subscription, reading_of(subscription, last_payment_at=last - timedelta(hours=20)))
    after = row(ctx, request.id)
    assert (after.awaited_at, after.due_at) == (request.awaited_at, request.due_at)
    moved_on = reading_of(subscription, next_billing_at=add_months(last, 1))
    see(ctx, subscription, dataclasses.replace(moved_on, last_payment_at=last - timedelta(hours=20)))
    after = row(ctx, request.id)
    assert (after.awaited_at, after.due_at) == (None, beginning_of(request.wished_on, "Europe/Paris"))


@pytest.mark.parametrize(("came", "left"), [(timedelta(minutes=4), 0), (timedelta(hours=-20), 1)])
def test_a_payment_already_seen_is_not_told_as_still_to_be_taken(ctx, make, subscription, came, left):
    take(ctx, subscription, subscription.next_payment_at + came)
    request = ask(ctx, make, make.reload(subscription), wished_on=days_ahead(subscription, 24))
    assert request.shown["payments_left"] == left


def test_the_wished_day_begins_at_the_merchants_midnight():
    assert beginning_of(date(2027, 3, 1), "Europe/Paris") == datetime(2027, 2, 28, 23, 0, tzinfo=UTC)
    assert beginning_of(date(2027, 7, 1), "Europe/Paris") == datetime(2027, 6, 30, 22, 0, tzinfo=UTC)
    assert beginning_of(date(2027, 3, 1), "Indian/Reunion") == datetime(2027, 2, 28, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rules", "wish", "reason", "payments"),
    [
        ({"notice_days": 10}, None, None, 0),  # no payment falls within the notice: at once
        ({"notice_days": 30}, None, WaitReason.NOTICE, 1),
        ({"notice_days": 30}, 90, WaitReason.WISH, 3),
        ({"notice_days": 30, "commitment_binds": True}, 25, WaitReason.COMMITMENT, 4),
        ({"notice_days": 30, "commitment_binds": False}, None, WaitReason.NOTICE, 1),
    ],
)
def test_the_reason_that_reaches_furthest_decides_for_a_customer(ctx, make, merchant, rules, wish, reason, payments):
    product = make.product(merchant, **rules)
    held = make.subscription(merchant=merchant, product=product, committed_until=make.now() + timedelta(days=125))
    wished_on = days_ahead(held, wish) if wish else None
    request = ask(ctx, make, held, wished_on=wished_on)
    assert (request.wait_reason, request.shown["payments_left"]) == (reason, payments)


@pytest.mark.parametrize("notice", [0, 1, 10, 30, 45, 60])
def test_who_cancels_on_the_last_day_told_avoids_the_payment_whatever_the_notice(make, merchant, notice):
    """And two days later they do not: no earlier day than needed is told either."""
    held = make.subscription(merchant=merchant, product=make.product(merchant, notice_days=notice))
    wished_at = beginning_of(days_ahead(held, 150), PARIS)
    waits = plan(held, Actor.CUSTOMER, time_zone=PARIS, wished_at=wished_at, now=make.now())
    found = avoidable(held, Actor.CUSTOMER, waits, PARIS, now=make.now())
    for days, is_taken in ((0, False), (2, notice > 0)):
        noon = datetime.combine(found.day + timedelta(days=days), time(11), tzinfo=UTC)
        anew = plan(held, Actor.CUSTOMER, time_zone=PARIS, now=noon)
        assert (anew is not None and found.payment_at in anew.taken) is is_taken


@pytest.mark.parametrize("notice", [30, 60])
@pytest.mark.parametrize(
    ("asked_at", "payments"),
    [
        (datetime(2027, 1, 12, 14, tzinfo=UTC), 0),
        (datetime(2027, 2, 8, 14, tzinfo=UTC), 0),  # the last day to refuse: later than the hour of billing
        (datetime(2027, 2, 8, 22, 59, tzinfo=UTC), 0),
        (datetime(2027, 2, 8, 23, 1, tzinfo=UTC), 1),  # the ninth in Paris
    ],
)
def test_who_refuses_a_renewal_by_its_last_day_is_not_charged_for_the_next_term(
    ctx, make, merchant, notice, asked_at, payments
):
    """A year from 10 March 2026, refused by 8 February 2027; the reminder offers 10 March as the day of the end."""
    product = make.product(merchant, notice_days=notice)
    renews = datetime(2027, 3, 10, 9, tzinfo=UTC)
    held = renewing(ctx, make, merchant=merchant, product=product, next_payment_at=renews, last_payment_at=START)
    held.interval_unit = "YEAR"
    wished_at = beginning_of(renews.date(), PARIS)
    found = plan(held, Actor.CUSTOMER, time_zone=PARIS, wished_at=wished_at, now=asked_at)
    assert found.payments == payments


def test_the_last_day_to_refuse_a_renewal_is_told_as_the_last_that_avoids_its_payment(ctx, make, merchant):
    product = make.product(merchant, notice_days=60)
    renews = datetime(2027, 3, 10, 9, tzinfo=UTC)
    held = renewing(ctx, make, merchant=merchant, product=product, next_payment_at=renews, last_payment_at=START)
    held.interval_unit = "YEAR"
    now, wished_at = datetime(2027, 2, 1, 12, tzinfo=UTC), beginning_of(date(2027, 6, 1), PARIS)
    waits = plan(held, Actor.CUSTOMER, time_zone=PARIS, wished_at=wished_at, now=now)
    found = avoidable(held, Actor.CUSTOMER, waits, PARIS, now=now)
    assert (found.payment_at, found.day) == (renews, date(2027, 2, 8))


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAST_DUE, Status.PAUSED])
@pytest.mark.parametrize("is_suspended", [False, True])
def test_a_binding_commitment_binds_late_or_not(ctx, make, paypal, merchant, status, is_suspended):
    product = make.product(merchant, commitment_binds=True)
    until = make.now() + timedelta(days=125)
    held = make.subscription(merchant=merchant, product=product, status=status, committed_until=until)
    if is_suspended:  # PayPal gave up after several tries, or somebody paused it: it names no next payment
        with ctx.db.begin() as session:
            suspended = {"provider_status": "SUSPENDED", "next_payment_at": None}
            session.execute(update(Subscription).where(Subscription.id == held.id).values(**suspended))
    request = carry(ctx, ask(ctx, make, held))
    assert (request.wait_reason, request.state) == (WaitReason.COMMITMENT, RequestState.RECORDED)
    assert request.due_at >= until
    assert paypal.cancelled == []


def test_payments_that_start_again_put_a_waiting_end_between_them(ctx, make, merchant):
    held = make.subscription(merchant=merchant, product=make.product(merchant, commitment_binds=True))
    with ctx.db.begin() as session:
        values = {
            "provider_status": "SUSPENDED",
            "status": Status.PAST_DUE,
            "next_payment_at": None,
            "committed_until": make.now() + timedelta(days=125),
        }
        session.execute(update(Subscription).where(Subscription.id == held.id).values(**values))
    request = ask(ctx, make, held)
    again = held.next_payment_at + timedelta(days=14)  # the fourth of them a day before the promised moment
    see(ctx, held, reading_of(held, next_billing_at=again))
    after = row(ctx, request.id)
    owed = [at for at in (add_months(again, n) for n in range(8)) if at < after.owed_until]
    assert owed[-1] + timedelta(days=11) <= after.due_at < add_months(again, len(owed)) - timedelta(days=2)


def test_notice_and_commitment_bind_customers_not_staff(ctx, make, merchant):
    product = make.product(merchant, notice_days=30, commitment_binds=True)
    held = make.subscription(merchant=merchant, product=product, committed_until=make.now() + timedelta(days=125))
    assert ask(ctx, make, held, Action.COMPLETE, actor=Actor.STAFF).due_at is None


@pytest.mark.parametrize("unknown", [{"next_payment_at": None}, {"interval_unit": None}])
def test_where_paypals_dates_are_unknown_no_day_is_promised(ctx, make, subscription, unknown):
    with ctx.db.begin() as session:
        session.execute(update(Subscription).where(Subscription.id == subscription.id).values(**unknown))
    assert ask(ctx, make, subscription, wished_on=days_ahead(subscription, 60)).due_at is None


def test_when_its_day_has_come_paypal_is_told_and_access_follows_the_last_payment(ctx, make, paypal, subscription):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 30))
    paypal.advance(days=35)  # the last payment owed is taken meanwhile
    with ctx.db.begin() as session:
        session.execute(update(EndRequest).values(due_at=utc_now()))
    confirmed = carry(ctx, request)
    after = make.reload(subscription)
    assert confirmed.state is RequestState.CONFIRMED
    one_more = add_months(subscription.next_payment_at, 1)
    assert abs(after.paid_until - one_more) < timedelta(days=2), "PayPal bills by the day of the start"
    assert mails(ctx).count("end_confirmed") == 1
