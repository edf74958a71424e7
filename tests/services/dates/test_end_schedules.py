"""Ends that wait for a day (cancellation.md, rule 10): after the last payment owed and before the next one."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date
from sqlalchemy import select, text, update
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.end_dates import WaitReason
from portal.domain.end_requests import RequestState
from portal.domain.errors import NotAllowed
from portal.domain.money import Money
from portal.domain.periods import add_months
from portal.domain.policies import Actor
from portal.domain.received_requests import Way
from portal.domain.subscriptions import Action, Status
from portal.models import EndRequest, Mail, Merchant, Plan, ReceivedRequest, Subscription, TimelineKind
from portal.providers.ports import PaymentReading
from portal.queries import inbox, subscriptions
from portal.services import aging
from portal.services.carrying import end_carrying
from portal.services.dates import planned_ends
from portal.services.dates.end_schedules import beginning_of
from portal.services.ends import end_requests, end_withdrawals, endings
from portal.services.inbox import received_requests
from portal.services.inbox.received_requests import Declaration
from portal.services.money import payments
from portal.services.money.payments import Told
from portal.services.notices import moved_ends
from portal.services.notices.outbox import CONTENT
from tests.services.carrying.carried import ask, carry, entries, mails, row, wish_of

MINUTES = timedelta(minutes=4)


@pytest.fixture
def merchant(make):
    return make.merchant(time_zone="Europe/Paris")


@pytest.fixture
def subscription(make, merchant):
    """Monthly, the next payment in twenty days."""
    return make.subscription(merchant=merchant)


def days_ahead(subscription, days):
    return (utc_now() + timedelta(days=days)).date()


def jobs(ctx):
    """When the jobs of ends are due, oldest first."""
    with ctx.db.read() as session:
        query = text(
            "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'end_requests.carry_out' ORDER BY id"
        )
        return list(session.scalars(query))


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
    said = f"Jour de fin souhaité : {format_date(wished, 'EEEE', locale='fr')} {day_in_french(wished)}"
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


def take(ctx, subscription, *moments, **changes):
    """The sales that PayPal's messages tell, as they are written."""
    readings = [
        PaymentReading(
            provider_id=f"SALE{at:%m%d%H%M}",
            status=changes.get("status", "COMPLETED"),
            amount=Money(Decimal("29.90"), "EUR"),
            at=at,
        )
        for at in moments
    ]
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        payments.take_over(ctx, session, locked, readings, Told(sale_ids=()), now=utc_now())


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


def finite(make, merchant, cycles=4, **columns):
    """Begun two months ago, of a plan of four monthly payments: the fourth comes in a month."""
    begun = add_months(make.now().replace(day=min(make.now().day, 28)), -2)
    held = make.subscription(
        merchant=merchant,
        started_at=begun,
        last_payment_at=add_months(begun, 2),
        next_payment_at=add_months(begun, 3),
        committed_until=add_months(begun, cycles),
        **columns,
    )
    with make.ctx.db.begin() as session:
        session.execute(update(Plan).where(Plan.id == held.plan_id).values(total_cycles=cycles))
    return make.reload(held)


def test_a_finite_plan_is_told_the_payments_and_the_access_that_will_be(ctx, make, merchant):
    held = finite(make, merchant)
    request = ask(ctx, make, held, wished_on=days_ahead(held, 300))
    assert request.shown["payments_left"] == 1
    assert request.shown["last_payment_at"] == held.next_payment_at.isoformat()
    assert request.shown["next_payment_at"] is None
    assert held.next_payment_at + timedelta(days=11) <= request.due_at < held.committed_until
    with ctx.db.read() as session:
        stored = session.get_one(EndRequest, request.id)
        planned = planned_ends.told_of(
            stored, subscriptions.of_request(session, stored), session.get_one(Merchant, merchant.id), now=utc_now()
        )
    assert planned.access_until == planned.runs_out_at == held.committed_until
    last_day = (held.committed_until - timedelta(microseconds=1)).astimezone(ZoneInfo("Europe/Paris")).date()
    assert (planned.ends_on, planned.wished_on) == (last_day, days_ahead(held, 300))
    (told,) = letters(ctx, "end_recorded")
    said = " ".join(told.split())
    weekday = format_date(held.committed_until.astimezone(ZoneInfo("Europe/Paris")), "EEEE", locale="fr")
    assert f"L’abonnement se termine de lui-même le {weekday} {day_in_french(held.committed_until)}" in said
    assert "ne seront pas effectués" not in said


def test_a_finite_plans_payments_are_counted_where_all_are_known(ctx, make, merchant):
    """A pause left one out: PayPal takes it later, and nobody is told one payment less than is taken."""
    held = finite(make, merchant)
    begun = held.started_at
    take(ctx, held, begun + MINUTES, add_months(begun, 2) + MINUTES)
    assert ask(ctx, make, make.reload(held), wished_on=days_ahead(held, 300)).shown["payments_left"] == 2


def test_the_wished_day_begins_at_the_merchants_midnight():
    from datetime import date

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


def reading_of(subscription, **changes):
    from portal.providers.ports import Reading

    reading = Reading(
        provider_id=subscription.provider_id,
        status="ACTIVE",
        status_at=utc_now(),
        next_billing_at=subscription.next_payment_at,
        last_payment_at=subscription.last_payment_at,
    )
    return dataclasses.replace(reading, **changes)


def see(ctx, subscription, reading):
    from portal.queries import subscriptions

    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        endings.record_reading(ctx, session, locked, reading, now=utc_now())


@pytest.mark.parametrize(
    ("wish", "shift", "moves"),
    [
        (40, 0, False),
        (40, 2, False),  # the day that was promised still lies between the two payments
        (40, 17, True),  # a pause: the last payment owed would come after the promised day
        (40, -17, True),  # one payment more is owed, and the promised day comes too soon after it
        (25, 6, True),  # the payment is not owed any more, and would come before the promised day
    ],
)
def test_the_plan_follows_paypals_dates_only_where_it_must(ctx, make, subscription, wish, shift, moves):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, wish))
    shifted = subscription.next_payment_at + timedelta(days=shift)
    see(ctx, subscription, reading_of(subscription, next_billing_at=shifted))
    after, told = row(ctx, request.id), make.reload(subscription)
    assert (after.due_at != request.due_at) is moves
    assert jobs(ctx)[-1] == after.due_at
    taken = [add_months(told.next_payment_at, n) for n in range(4)]
    owed = [at for at in taken if at < after.owed_until]
    assert all(at < after.due_at for at in owed)
    assert after.due_at < min(at for at in taken if at not in owed)


def day_in_french(at):
    local = at.astimezone(ZoneInfo("Europe/Paris"))
    return format_date(local, "'1er' MMMM y" if local.day == 1 else "d MMMM y", locale="fr")


def letters(ctx, kind):
    """The texts of the mails of a kind, oldest first."""
    with ctx.db.read() as session:
        found = session.scalars(select(Mail).where(Mail.kind == kind).order_by(Mail.created_at)).all()
        return [json.loads(ctx.vault.open(mail.content, purpose=CONTENT))["text"] for mail in found]


def test_a_planned_end_that_moves_is_told_once_with_the_payments_of_the_new_plan(ctx, make, subscription):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    count, (due, gap) = 0, (request.due_at, timedelta(days=18))
    for shift in (gap, gap, timedelta(0), timedelta(0), gap):  # there, back, and there again: the last mail is true
        next_payment = subscription.next_payment_at + shift
        see(ctx, subscription, reading_of(subscription, next_billing_at=next_payment))
        former, due = due, row(ctx, request.id).due_at
        count += former != due
        told = letters(ctx, "end_moved")
        assert len(told) == count
        assert day_in_french(due) in told[-1]
        assert day_in_french(next_payment) in told[-1], "the last payment that is taken"
        assert day_in_french(add_months(next_payment, 1)) in told[-1], "the first one that is not"
    assert count == 3


@pytest.mark.parametrize(("actor", "hours"), [(Actor.CUSTOMER, 1), (Actor.STAFF, 17 * 24)])
def test_another_hour_of_the_day_and_a_day_that_nobody_was_told_are_not_mailed(
    ctx, make, merchant, subscription, actor, hours
):
    request = ask(ctx, make, subscription, actor=actor, wished_on=days_ahead(subscription, 40))
    noon = datetime.combine(days_ahead(subscription, 60), time(12), tzinfo=UTC)
    with ctx.db.begin() as session:
        session.execute(update(EndRequest).where(EndRequest.id == request.id).values(due_at=noon))
        stored = session.get_one(EndRequest, request.id)
        stored.due_at = noon + timedelta(hours=hours)
        moved_ends.tell(ctx, session, stored, noon, now=utc_now())
    assert letters(ctx, "end_moved") == []


def test_after_the_last_payment_owed_the_promised_day_stands(ctx, make, subscription):
    """Until that day the customer may change their mind, although nothing is owed any more."""
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 25))
    paid = add_months(subscription.next_payment_at, 1)
    see(ctx, subscription, reading_of(subscription, next_billing_at=paid, last_payment_at=utc_now()))
    assert row(ctx, request.id).due_at == request.due_at


def test_a_missed_time_rings_the_alarm_within_the_hour_once_in_one_mail(ctx, make, paypal, merchant):
    late = [make.subscription(merchant=merchant) for _ in range(3)]
    requests = [ask(ctx, make, held, wished_on=days_ahead(held, 40)) for held in late]
    in_time = ask(ctx, make, make.subscription(merchant=merchant), wished_on=days_ahead(late[0], 40))
    due = utc_now()
    with ctx.db.begin() as session:
        ids = [request.id for request in requests]
        session.execute(update(EndRequest).where(EndRequest.id.in_(ids)).values(due_at=due))

    aging.tell_late(ctx, now=due + timedelta(minutes=40))
    assert mails(ctx).count("merchant_end_late") == 0
    aging.tell_late(ctx, now=due + timedelta(minutes=50))
    aging.tell_late(ctx, now=due + timedelta(minutes=60))

    assert [row(ctx, request.id).late_told_at is not None for request in (*requests, in_time)] == [True] * 3 + [False]
    assert {entries(ctx, held, TimelineKind.END_LATE) for held in late} == {1}
    with ctx.db.read() as session:
        (mail,) = session.scalars(select(Mail).where(Mail.kind == "merchant_end_late")).all()
    told = ctx.vault.open(mail.content, purpose="mails.content")
    assert all(request.reference in told for request in requests)
    assert in_time.reference not in told
    assert "3" in mail.subject


def test_staff_plan_an_end_and_take_it_back_but_not_a_customers(ctx, make, paypal, subscription):
    wish = wish_of(subscription, Action.COMPLETE, actor=Actor.STAFF)
    planned = ask(ctx, make, subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, 40))
    end_withdrawals.withdraw_planned(ctx, wish, planned.id, now=utc_now())
    assert row(ctx, planned.id).state is RequestState.WITHDRAWN
    assert make.reload(subscription).end_requested_at is None

    own = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    with pytest.raises(NoResultFound):
        end_withdrawals.withdraw_planned(ctx, wish, own.id, now=utc_now())
    reader = dataclasses.replace(wish, role="reader")
    with pytest.raises(NotAllowed):
        end_withdrawals.withdraw_planned(ctx, reader, own.id, now=utc_now())
    assert row(ctx, own.id).state is RequestState.RECORDED


def test_an_end_whose_day_has_come_is_not_taken_back(ctx, make, paypal, subscription):
    paypal.rule("show", "500")
    request = carry(ctx, ask(ctx, make, subscription, actor=Actor.STAFF))
    assert (request.is_open, request.sent_at) == (True, None)
    with pytest.raises(NotAllowed):
        end_withdrawals.withdraw_planned(ctx, wish_of(subscription, actor=Actor.STAFF), request.id, now=utc_now())


def test_a_customer_may_stop_before_the_day_that_staff_planned(ctx, make, paypal, subscription):
    planned = ask(ctx, make, subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, 80))
    own = carry(ctx, ask(ctx, make, subscription))
    assert (row(ctx, planned.id).state, own.state) == (RequestState.WITHDRAWN, RequestState.CONFIRMED)
    assert make.reload(subscription).status is Status.CANCELLED


def test_a_customer_who_would_stop_later_keeps_the_day_that_staff_planned(ctx, make, subscription):
    planned = ask(ctx, make, subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, 40))
    later = end_requests.record(ctx, wish_of(subscription, wished_on=days_ahead(subscription, 100)), now=utc_now())
    assert (later.request_id, later.is_new) == (planned.id, False)


def test_staff_cannot_put_off_the_end_that_a_customer_asked_for(ctx, make, subscription):
    own = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    for day in (300, 25):  # a sooner plan neither: staff could take it back, and the customer would be forgotten
        plan = wish_of(subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, day))
        recorded = end_requests.record(ctx, plan, now=utc_now())
        assert (recorded.request_id, recorded.is_new) == (own.id, False)
    assert row(ctx, own.id).state is RequestState.RECORDED
    sooner = wish_of(subscription, Action.COMPLETE, actor=Actor.STAFF)
    assert end_requests.record(ctx, sooner, now=utc_now()).is_new


def test_nothing_about_a_replaced_request_is_mailed_afterwards(ctx, make, paypal, subscription):
    ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    carry(ctx, ask(ctx, make, subscription, actor=Actor.STAFF))
    assert mails(ctx, "waiting") == ["end_confirmed"]


def test_a_customer_who_stood_behind_staffs_plan_is_not_forgotten_when_staff_take_it_back(ctx, make, subscription):
    planned = ask(ctx, make, subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, 40))
    later = wish_of(subscription, wished_on=days_ahead(subscription, 100), reason_text="Je déménage")
    noted = {end_requests.record(ctx, later, now=utc_now()).noted for _click in range(2)}
    assert len(noted) == 1, "a second click is the same wish"
    assert mails(ctx).count("request_received") == 1
    end_withdrawals.withdraw_planned(ctx, wish_of(subscription, actor=Actor.STAFF), planned.id, now=utc_now())
    with ctx.db.read() as session:
        waiting = [item.about for item in inbox.everything(session, subscription.merchant_id, now=utc_now()).items]
    assert [(one.reference, one.wished_on, one.message) for one in waiting] == [
        (*noted, days_ahead(subscription, 100), "Je déménage")
    ]


def test_a_planned_end_is_not_sent_before_its_day_even_by_the_desks_button(ctx, make, paypal, subscription):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    end_carrying.carry_out(ctx, request.merchant_id, request.id, insist=True)
    assert row(ctx, request.id).state is RequestState.RECORDED
    assert len(paypal.calls) == 0


def test_a_letter_stays_answered_when_another_end_takes_the_place(ctx, make, paypal, merchant, subscription):
    letter = Declaration(merchant_id=merchant.id, received_at=utc_now(), way=Way.LETTER, name="Claire", email=None)
    received = received_requests.record(ctx, letter, now=utc_now())
    planned = ask(
        ctx,
        make,
        subscription,
        actor=Actor.STAFF,
        wished_on=days_ahead(subscription, 40),
        received_request_id=received.id,
    )
    sooner = ask(ctx, make, subscription, actor=Actor.STAFF)
    with ctx.db.read() as session:
        stored = session.get_one(ReceivedRequest, received.id)
    assert row(ctx, planned.id).state is RequestState.WITHDRAWN
    assert (stored.is_open, stored.end_request_id) == (False, sooner.id)
