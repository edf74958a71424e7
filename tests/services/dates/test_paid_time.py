"""Deciding tests 7 and 20 through the real doors: what PayPal shows, what is kept, what a cancel then promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.domain.access.access import End, access, preview_end
from portal.domain.subscriptions import Status
from portal.models import Subscription
from portal.queries import inbox, subscriptions
from portal.services.arrivals import arrivals
from portal.services.arrivals.import_rows import Origin
from portal.services.arrivals.rereading import reread
from portal.services.dates import paid_time
from portal.services.money.payments import Told, take_over
from portal.services.paypal.gateways import rest_gateway
from portal.services.rules import rule_of
from tests.services.carrying.carried import ask, carry
from tests.services.dates.planning import day_in_french, letters

DAY = timedelta(days=1)


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def read(ctx, merchant):
    """Read a subscription at PayPal and return it as it then stands here; `paid` reads its payments too."""

    def once(row, *, paid=False) -> Subscription:
        gateway = rest_gateway(ctx, merchant.id)
        reread(ctx, Origin(merchant.id, "sandbox"), gateway, row.id)
        if paid:
            seen = gateway.list_payments(row.id, start=utc_now() - 90 * DAY, end=utc_now() + 90 * DAY)
            with ctx.db.begin() as session:
                held = subscriptions.lock_by_provider_id(
                    session, merchant.id, environment="sandbox", provider_id=row.id
                )
                take_over(ctx, session, held, seen, Told(sale_ids=()), now=utc_now())
        return known(ctx, row)

    return once


def known(ctx, row) -> Subscription:
    with ctx.db.read() as session:
        found = session.scalars(select(Subscription).where(Subscription.provider_id == row.id)).one()
        return subscriptions.of_merchant(session, found.merchant_id, found.id)


def cancel(ctx, make, here) -> Subscription:
    """The customer cancels, and PayPal confirms."""
    carry(ctx, ask(ctx, make, here))
    with ctx.db.read() as session:
        return subscriptions.of_merchant(session, here.merchant_id, here.id)


def opened(here, at=None):
    return [window.key for window in access(here.facts, rule_of(here), at or utc_now())]


def missing_dates(ctx, merchant):
    with ctx.db.read() as session:
        page = inbox.page(session, merchant.id, now=utc_now(), kinds=[inbox.Kind.DATE])
        return [item.subscription.provider_id for item in page.items]


# A declined payment in PayPal's retry window


@pytest.fixture
def declined(paypal):
    """Paid twice, thirty days each; the payment due in half an hour was declined, and the date after it is shown."""
    plan = paypal.add_plan(interval_unit="DAY", interval_count=30)
    row = paypal.add_subscription(plan_id=plan.id, started_at=paypal.now() - 60 * DAY + timedelta(minutes=30))
    paypal.happen(row.id, "decline-payment")
    return row


def test_20_a_declined_payment_is_late_at_once_and_pays_for_nothing(ctx, make, read, declined):
    assert declined.failed_payments == 0, "PayPal counts it only after its last try"
    paid = datetime.fromisoformat(declined.last_payment["time"])
    here = read(declined)
    assert here.status is Status.PAST_DUE
    assert here.paid_until == paid + 30 * DAY
    assert here.next_payment_at == here.paid_until + 30 * DAY, "PayPal's own date is shown as it is"
    after = cancel(ctx, make, here)
    assert (after.status, after.paid_until) == (Status.CANCELLED, here.paid_until)
    assert after.access_until == here.paid_until


def test_20_a_decline_that_only_the_payments_tell_is_one_too_and_stays_told(ctx, make, read, declined):
    declined.last_failed_payment = None  # nobody knows whether PayPal shows it in the window
    before = read(declined)
    assert before.status is Status.ACTIVE
    here = read(declined, paid=True)
    assert here.status is Status.PAST_DUE
    assert read(declined).status is Status.PAST_DUE, "the next plain read does not forget it"
    assert here.paid_until == before.paid_until


def test_20_a_retry_that_succeeds_makes_it_active_and_paid_again(read, paypal, declined):
    late = read(declined)
    paypal.advance(6)
    here = read(declined, paid=True)
    assert here.status is Status.ACTIVE
    assert here.paid_until == late.paid_until + 30 * DAY


# A first payment that never came


def first_declined(paypal):
    row = paypal.add_subscription(status="APPROVAL_PENDING", started_at=paypal.now())
    paypal.happen(row.id, "fail-payments")
    paypal.happen(row.id, "buyer-approves")
    paypal.advance(hours=0.02)
    return row


def test_20_a_first_payment_that_was_declined_opens_nothing_and_has_no_grace(read, paypal):
    here = read(first_declined(paypal))
    assert here.status is Status.PAST_DUE
    assert here.last_payment_at is None
    assert here.has_paid_nothing
    assert opened(here) == opened(here, utc_now() + DAY) == []


@pytest.mark.parametrize("seen_before", [True, False])
def test_20_cancelled_at_paypal_it_promises_no_time(read, paypal, seen_before):
    row = first_declined(paypal)
    if seen_before:
        read(row)
    paypal.happen(row.id, "buyer-cancels")
    here = read(row)
    assert here.status is Status.CANCELLED
    assert opened(here, here.started_at and here.started_at + DAY) == []
    assert here.access_until is None or here.access_until <= utc_now() + timedelta(minutes=2)


def test_20_cancelled_here_its_product_keeps_nothing_open(ctx, make, read, paypal, merchant):
    here = read(first_declined(paypal))
    with ctx.db.begin() as session:
        subscriptions.lock(session, merchant.id, here.id).product.keep_after_cancellation = True
    after = cancel(ctx, make, here)
    assert (after.status, opened(after)) == (Status.CANCELLED, [])
    assert missing_dates(ctx, merchant) == [], "nothing paid is known, not unknown"


def test_20_an_unread_history_is_unknown_and_goes_to_the_inbox(ctx, make, read, paypal, merchant):
    row = paypal.add_subscription(started_at=paypal.now() - 2 * DAY)
    row.last_payment = None
    row.payments.clear()
    paypal.rule("transactions", "500")
    here = read(row)
    assert (here.status, here.paid_until) == (Status.ACTIVE, None)
    after = cancel(ctx, make, here)
    assert after.paid_until is None
    assert missing_dates(ctx, merchant) == [row.id]


def test_20_a_history_that_was_read_and_shows_none_is_no_paid_time(ctx, make, read, paypal, merchant):
    row = paypal.add_subscription(started_at=paypal.now() - 2 * DAY)
    row.last_payment = None
    row.payments.clear()
    here = read(row)
    assert here.has_paid_nothing
    assert opened(cancel(ctx, make, here)) == []
    assert missing_dates(ctx, merchant) == []


# A payment on its way


def pending_then_cancelled(ctx, make, read, paypal):
    row = paypal.add_subscription(status="APPROVAL_PENDING", started_at=paypal.now())
    paypal.happen(row.id, "buyer-approves")  # not settled: the first payment is begun by hand
    row.next_billing_time = stamp(paypal.now() + 30 * DAY)
    row.periods = 1
    paypal.happen(row.id, "pending-payment")
    here = read(row, paid=True)
    assert here.paid_until is None
    return row, cancel(ctx, make, here)


def test_20_a_pending_payment_is_unknown_and_pays_its_period_when_it_clears_after_the_end(
    ctx, make, read, paypal, merchant
):
    row, ended = pending_then_cancelled(ctx, make, read, paypal)
    assert ended.paid_until is None
    assert missing_dates(ctx, merchant) == [row.id]
    paypal.happen(row.id, "clear-payment")
    here = read(row, paid=True)
    assert here.started_at + 27 * DAY < here.paid_until == here.access_until == here.ended_at
    assert opened(here, utc_now() + DAY)
    assert missing_dates(ctx, merchant) == []
    read(row, paid=True)
    assert day_in_french(here.access_until) in settled(ctx), "the customer is told, once"


def test_20_and_pays_nothing_when_it_is_denied(ctx, make, read, paypal, merchant):
    row, _ = pending_then_cancelled(ctx, make, read, paypal)
    paypal.happen(row.id, "deny-payment")
    here = read(row, paid=True)
    assert here.has_paid_nothing
    assert opened(here) == []
    assert missing_dates(ctx, merchant) == []
    assert "accès" in settled(ctx)


def settled(ctx):
    """The one mail that tells what became of a payment on its way."""
    (told,) = letters(ctx, "end_dated")
    assert "indiquer" not in told, "nobody entered it"
    return told


# A free trial in its first hour


def in_trial(paypal):
    plan = paypal.add_plan(trial_days=14)
    row = paypal.add_subscription(plan_id=plan.id, status="APPROVAL_PENDING", started_at=paypal.now())
    paypal.happen(row.id, "buyer-approves")
    return row


def test_20_a_trials_first_hour_shows_its_end_and_not_the_sign_up(ctx, make, read, paypal):
    row = in_trial(paypal)
    here = read(row)
    assert here.next_payment_at is None, "the sign-up is no next payment"
    assert here.paid_until == here.started_at + 14 * DAY
    preview = preview_end(here.facts, rule_of(here), Status.CANCELLED, utc_now())
    assert preview.access_until == here.paid_until
    after = cancel(ctx, make, here)
    assert after.access_until == here.paid_until


def test_20_a_trial_whose_length_nobody_says_is_unknown_never_at_once(ctx, make, read, paypal, merchant):
    row = in_trial(paypal)
    row.extra["plan"] = {"name": "Club"}
    here = read(row)
    assert here.paid_until is None
    preview = preview_end(here.facts, rule_of(here), Status.CANCELLED, utc_now())
    assert preview.is_date_unknown
    assert [window.end for window in preview.stops] == [End.UNKNOWN]


def test_20_it_is_read_again_after_the_hour_once(ctx, make, read, paypal):
    row = in_trial(paypal)
    here = read(row)
    read(row)
    assert again(ctx) == [str(here.id)]
    paypal.advance(hours=1.1)
    assert read(row).next_payment_at == here.started_at + 14 * DAY
    assert again(ctx) == [str(here.id)]


def again(ctx):
    with ctx.db.read() as session:
        jobs = session.connection().exec_driver_sql(
            "SELECT args ->> 'subscription_id' FROM procrastinate_jobs WHERE task_name = 'subscriptions.reread'"
        )
        return [row[0] for row in jobs]


def test_20_a_trial_that_nobody_paid_after_ends_with_the_trial(read, paypal):
    plan = paypal.add_plan(trial_days=14)
    row = paypal.add_subscription(plan_id=plan.id, started_at=paypal.now() - 13 * DAY)
    paypal.happen(row.id, "fail-payments")
    paypal.advance(2)
    here = read(row)
    assert here.status is Status.PAST_DUE
    assert here.paid_until == here.started_at + 14 * DAY


# Month ends, where PayPal names no date


@pytest.mark.parametrize(("way", "end"), [("clamp", "2026-03-31"), ("move", "2026-04-01")])
def test_7_a_finite_plan_has_one_last_day_on_card_commitment_and_proof(read, paypal, way, end):
    plan = paypal.add_plan(total_cycles=2, amount="50.00", month_ends=way)
    row = paypal.add_subscription(plan_id=plan.id, status="EXPIRED", started_at=datetime(2026, 1, 31, 10, tzinfo=UTC))
    assert row.last_payment["time"][:10] == {"clamp": "2026-02-28", "move": "2026-03-01"}[way]
    here = read(row)
    assert here.status is Status.COMPLETED
    days = {here.paid_until, here.committed_until, here.access_until or here.paid_until}
    assert {str(day)[:16] for day in days} == {f"{end} 10:00"}


@pytest.mark.parametrize(("way", "end"), [("clamp", "2026-10-31"), ("move", "2026-11-01")])
def test_7_a_suspended_one_is_paid_to_the_end_of_its_last_period(ctx, read, paypal, way, end):
    plan = paypal.add_plan(month_ends=way, failure_threshold=1)
    row = paypal.add_subscription(plan_id=plan.id, started_at=datetime(2026, 1, 31, 10, tzinfo=UTC))
    row.last_payment["time"] = {"clamp": "2026-09-30T10:00:00Z", "move": "2026-10-01T10:00:00Z"}[way]
    row.status, row.next_billing_time, row.failed_payments, row.outstanding = "SUSPENDED", None, 3, "29.90"
    here = read(row)
    assert here.status is Status.PAST_DUE
    assert str(here.paid_until) == f"{end} 10:00:00+00:00"


def test_7_a_commitment_follows_the_way_that_paypal_shows(read, paypal):
    start = datetime(2026, 8, 31, 10, tzinfo=UTC)
    plan = paypal.add_plan(total_cycles=6)
    row = paypal.add_subscription(plan_id=plan.id, started_at=start)
    assert str(read(row).committed_until)[:10] == "2027-02-28", "30 September was kept, not moved"


def test_paid_time_is_told_of_a_list_that_brings_nothing_more(ctx, paypal, merchant, declined):
    gateway = rest_gateway(ctx, merchant.id)
    reading = gateway.show_subscription(declined.id)
    arrivals.take_in(ctx, Origin(merchant.id, "sandbox"), gateway, reading)
    assert known(ctx, declined).status is Status.PAST_DUE
    assert paid_time.status_of(reading) is Status.PAST_DUE
