"""Money that goes back, or comes again, is a sum (deciding test 19): what is open stays open, and is said in sums."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.demo.simulator.records import moment, stamp
from portal.domain.access.access import access
from portal.domain.money.late_payments import LateState
from portal.domain.money.refunds import RefundState
from portal.domain.subscriptions import Status
from portal.models import Mail, PaymentState, TimelineKind
from portal.providers.ports import Reading
from portal.queries import subscriptions
from portal.queries.money import late_payments as queries
from portal.services.ends import endings
from portal.services.messages import webhook_bodies
from portal.services.money import late_payments
from portal.services.money.payments import Told
from portal.services.rules import rule_of
from tests.services.carrying.carried import ask, carry, entries, mails
from tests.services.money.late_money import (
    alarms,
    charged,
    click,
    payment_of,
    refund,
    show,
    stopped,
    tell,
    told,
    try_it,
)
from tests.waiting_mails import said

SENT: dict = {
    "id": "WH-83434A051C544827B-F6FAD492C90F4175B",
    "event_type": "PAYMENT.SALE.REVERSED",
    "resource": {
        "id": "0AB12345CD678901E",
        "sale_id": "EPJE2BC9J97EFUGMS",
        "state": "completed",
        "amount": {"total": "-10.00", "currency": "EUR"},
    },
}


@pytest.fixture
def ended(ctx, make, paypal):
    make.merchant()
    return stopped(ctx, make, paypal)


@pytest.fixture
def paid(ctx, paypal, ended):
    paid = charged(paypal, ended)
    paid.amount = "29.90"
    show(ctx, ended, paid)
    return paid


def said_of(ctx, kind="late_payment_open"):
    """The texts of a kind of mail, the newest first, without the spaces of French figures."""
    with ctx.db.read() as session:
        rows = session.scalars(select(Mail).where(Mail.kind == kind).order_by(Mail.created_at.desc(), Mail.id)).all()
        texts = [said(ctx, row).text for row in rows]
    return [re.sub(r"[^\S\n]", " ", f"{row.subject}\n{text}") for row, text in zip(rows, texts, strict=True)]


def standing(ctx):
    (late,) = alarms(ctx)
    return late.state, payment_of(ctx, late).left


def test_19_a_part_that_paypal_takes_back_leaves_the_rest_open_and_the_customer_is_told_both_sums(ctx, ended, paid):
    message = webhook_bodies.read(json.dumps(SENT).encode())
    assert message is not None
    for _ in range(2):  # and doubled
        show(ctx, ended, paid, told=Told(sale_ids=(paid.id,), move=message.move))
    assert standing(ctx) == (LateState.OPEN, Decimal("19.90"))
    assert "late_payment_refunded" not in mails(ctx)
    (text,) = said_of(ctx)
    assert "10,00 €" in text
    assert "19,90 €" in text.splitlines()[0]
    assert entries(ctx, ended, TimelineKind.REFUNDED) == 1
    show(ctx, ended, paid, told=told(paid, "reversal", "19.90"))
    assert standing(ctx) == (LateState.REFUNDED, 0)
    assert mails(ctx).count("late_payment_refunded") == 1
    assert entries(ctx, ended, TimelineKind.REFUNDED) == 2


@pytest.mark.parametrize("kind", ["refund", "reversal"])
def test_19_every_way_back_is_told_as_its_own_sum(ctx, ended, paid, kind):
    for size in ("10.00", "5.00", "10.00"):
        show(ctx, ended, paid, told=told(paid, kind, size))
    assert standing(ctx) == (LateState.OPEN, Decimal("14.90"))
    newest, first = said_of(ctx)
    assert "15,00 €" in newest
    assert "14,90 €" in newest
    assert "19,90 €" in first
    tell(ctx)
    (merchant,) = said_of(ctx, "merchant_late_payments")
    assert "14,90 €" in merchant
    with ctx.db.read() as session:
        (alarm,) = queries.needing_merchant(session, ended.merchant_id)
        assert (alarm.back.amount, alarm.left.amount) == (Decimal("15.00"), Decimal("14.90"))


def test_a_cancelled_reversal_opens_the_alarm_again_and_the_merchant_is_told_again(ctx, ended, paid):
    show(ctx, ended, paid, told=told(paid, "reversal", "29.90"))
    assert standing(ctx) == (LateState.REFUNDED, 0)
    for _ in range(2):
        show(ctx, ended, paid, told=told(paid, "reversal_cancelled", "29.90"))
    assert standing(ctx) == (LateState.OPEN, Decimal("29.90"))
    (text,) = said_of(ctx)
    assert "29,90 €" in text
    tell(ctx)
    assert mails(ctx).count("merchant_late_payments") == 1
    assert entries(ctx, ended, TimelineKind.LATE_PAYMENT) == 2
    show(ctx, ended, paid, told=told(paid, "reversal", "29.90", name="another"))
    assert standing(ctx) == (LateState.REFUNDED, 0)
    assert mails(ctx).count("late_payment_refunded") == 2, "it went back twice, and each time is told"


def test_what_was_explained_stays_explained_when_its_reversal_is_cancelled(ctx, ended, paid):
    (late,) = alarms(ctx)
    late_payments.explain(ctx, late.merchant_id, late.id, reason="dû", by="Anne", now=utc_now())
    show(ctx, ended, paid, told=told(paid, "reversal", "10.00"))
    assert standing(ctx) == (LateState.EXPLAINED, Decimal("19.90"))
    show(ctx, ended, paid, told=told(paid, "reversal", "19.90"))
    assert standing(ctx) == (LateState.REFUNDED, 0)
    show(ctx, ended, paid, told=told(paid, "reversal_cancelled", "29.90"))
    assert standing(ctx) == (LateState.EXPLAINED, Decimal("29.90"))
    tell(ctx)
    assert "merchant_late_payments" not in mails(ctx)


def test_reversed_before_it_was_seen_and_given_back_later_it_raises_the_alarm_then(ctx, paypal, ended):
    paid = charged(paypal, ended)
    show(ctx, ended, paid, told=told(paid, "reversal", paid.amount))
    assert alarms(ctx) == []
    show(ctx, ended, paid, told=told(paid, "reversal_cancelled", paid.amount))
    assert standing(ctx) == (LateState.OPEN, Decimal(paid.amount))


def test_a_refund_asks_for_the_rest_alone_and_all_is_back_only_with_it(ctx, paypal, ended, paid):
    paypal.happen(ended.provider_id, "reverse-part")
    show(ctx, ended, paid, told=told(paid, "reversal", "14.95"))
    (late,) = alarms(ctx)
    done = try_it(ctx, late, click(ctx, late))
    assert (done.state, done.amount) == (RefundState.DONE, Decimal("14.95"))
    assert payment_of(ctx, late).state is PaymentState.REVERSED
    assert standing(ctx) == (LateState.REFUNDED, 0)
    show(ctx, ended, paid, told=told(paid, "reversal_cancelled", "14.95"))
    assert standing(ctx) == (LateState.OPEN, Decimal("14.95"))
    assert refund(ctx, done.id).state is RefundState.DONE


def test_a_sum_that_is_not_said_closes_nothing_and_is_told_to_nobody(ctx, ended, paid):
    paid.status = "PARTIALLY_REFUNDED"
    show(ctx, ended, paid)
    assert standing(ctx) == (LateState.OPEN, Decimal("29.90"))
    assert said_of(ctx) == []


def extended(ctx, make, paypal, ended):
    """A payment after the stop that PayPal's read has already lengthened the paid time by; the time before it."""
    before = ended.paid_until
    paid = charged(paypal, ended, after=timedelta(days=1))
    show(ctx, ended, paid)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, ended.merchant_id, ended.id)
        reading = Reading(
            provider_id=ended.provider_id,
            status="CANCELLED",
            status_at=ended.provider_status_at,
            last_payment_at=moment(paid.time),
        )
        endings.record_reading(ctx, session, locked, reading, now=utc_now())
    assert make.reload(ended).paid_until > before
    return before, paid


def test_late_money_given_back_takes_its_longer_access_with_it_and_a_part_does_not(ctx, make, paypal, ended):
    before, paid = extended(ctx, make, paypal, ended)
    show(ctx, ended, paid, told=told(paid, "refund", "10.00"))
    assert make.reload(ended).paid_until > before, "the merchant decides about a part"
    left = str(Decimal(paid.amount) - 10)
    show(ctx, ended, paid, told=told(paid, "reversal", left))
    assert make.reload(ended).paid_until == before
    show(ctx, ended, paid, told=told(paid, "reversal_cancelled", left))
    assert make.reload(ended).paid_until > before, "the payment stands again"


def test_of_two_late_payments_the_one_that_stays_keeps_its_time(ctx, make, paypal, ended):
    before, first = extended(ctx, make, paypal, ended)
    second = charged(paypal, ended, after=timedelta(days=3))
    show(ctx, ended, second)
    show(ctx, ended, second, told=told(second, "refund", second.amount))
    kept = make.reload(ended).paid_until
    assert kept > before
    show(ctx, ended, first, told=told(first, "refund", first.amount, name="R2"))
    assert make.reload(ended).paid_until == before


# A payment of the running subscription: it takes its own period back (domain.md, paid_until)


@pytest.fixture
def running(ctx, make, paypal):
    """Monthly, paid twice; the last payment ten days ago, and PayPal names it and the next one."""
    make.merchant()
    now = utc_now().replace(microsecond=0)
    begun = now - timedelta(days=40)
    plan = paypal.add_plan(interval_unit="DAY", interval_count=30)
    row = paypal.add_subscription(plan_id=plan.id, started_at=begun)
    return make.subscription(
        started_at=begun,
        provider_id=row.id,
        next_payment_at=begun + timedelta(days=60),
        last_payment_at=begun + timedelta(days=30, minutes=20),
        keeps_month_ends=True,
    ), row


def every_thirty_days(ctx, subscription):
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        locked.interval_unit, locked.interval_count = "DAY", 30


def last_sale(ctx, make, running):
    """The last payment as a row, which makes no other day of the end."""
    subscription, row = running
    every_thirty_days(ctx, subscription)
    paid = row.payments[-1]
    paid.time = stamp(subscription.last_payment_at)
    show(ctx, subscription, paid)
    assert make.reload(subscription).paid_until == subscription.paid_until
    return subscription, paid


def seen_again(ctx, subscription):
    """PayPal is read once more: it names the same last payment and the same next one."""
    reading = Reading(
        provider_id=subscription.provider_id,
        status="ACTIVE",
        next_billing_at=subscription.next_payment_at,
        last_payment_at=subscription.last_payment_at,
    )
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        endings.record_reading(ctx, session, locked, reading, now=utc_now())


@pytest.mark.parametrize("kind", ["refund", "reversal"])
def test_20_a_payment_that_goes_back_whole_takes_its_period_back_and_a_part_keeps_it(ctx, make, running, kind):
    subscription, paid = last_sale(ctx, make, running)
    show(ctx, subscription, paid, told=told(paid, kind, "10.00"))
    assert make.reload(subscription).paid_until == subscription.paid_until, "the merchant decides about a part"
    show(ctx, subscription, paid, told=told(paid, kind, str(Decimal(paid.amount) - 10)))
    before = subscription.started_at + timedelta(days=30)
    for _ in range(2):
        assert make.reload(subscription).paid_until == before
        seen_again(ctx, subscription)
    assert make.reload(subscription).status is Status.ACTIVE, "nothing is late: it was given back"
    carry(ctx, ask(ctx, make, subscription))
    after = make.reload(subscription)
    assert after.paid_until == before
    assert after.ended_at < utc_now(), "nothing is paid ahead"


def test_20_the_summary_may_name_a_payment_gone_back_by_a_time_some_hours_off(ctx, make, running):
    """It is no payment of its own, that would stand."""
    subscription, paid = last_sale(ctx, make, running)
    show(ctx, subscription, paid, told=told(paid, "refund", paid.amount))
    before = make.reload(subscription).paid_until
    subscription.last_payment_at += timedelta(hours=3)
    seen_again(ctx, subscription)
    assert make.reload(subscription).paid_until == before == subscription.started_at + timedelta(days=30)


@pytest.mark.parametrize("kind", ["refund", "reversal"])
def test_20_after_the_end_too_and_it_comes_again_with_the_money(ctx, make, running, kind):
    subscription, paid = last_sale(ctx, make, running)
    carry(ctx, ask(ctx, make, subscription))
    ended = make.reload(subscription)
    assert ended.access_until == ended.ended_at == ended.paid_until == subscription.paid_until
    show(ctx, ended, paid, told=told(paid, kind, paid.amount))
    after = make.reload(subscription)
    assert after.paid_until == after.stop_paid_until == subscription.started_at + timedelta(days=30)
    assert after.ended_at == after.stopped_at_provider_at
    assert access(after.facts, rule_of(after), utc_now()) == ()
    assert alarms(ctx) == [], "it was taken before the end"
    if kind == "reversal":
        show(ctx, ended, paid, told=told(paid, "reversal_cancelled", paid.amount))
        again = make.reload(subscription)
        assert (again.paid_until, again.ended_at) == (subscription.paid_until,) * 2


def test_20_late_money_and_an_earlier_payment_go_back_each_for_itself(ctx, make, paypal, running):
    subscription, paid = last_sale(ctx, make, running)
    carry(ctx, ask(ctx, make, subscription))
    ended = make.reload(subscription)
    late = charged(paypal, ended, after=timedelta(seconds=1))
    show(ctx, ended, late)
    longer = make.reload(ended).paid_until
    assert longer > ended.paid_until, "what is taken is paid for"
    show(ctx, ended, paid, told=told(paid, "refund", paid.amount))
    assert make.reload(ended).stop_paid_until == subscription.started_at + timedelta(days=30)
    assert make.reload(ended).paid_until == subscription.paid_until, "the late one pays that period now"
    show(ctx, ended, late, told=told(late, "refund", late.amount, name="R2"))
    assert make.reload(ended).paid_until == subscription.started_at + timedelta(days=30)


def test_20_the_first_payment_gone_back_leaves_no_paid_time(ctx, make, paypal):
    make.merchant()
    begun = utc_now().replace(microsecond=0) - timedelta(days=3)
    held = make.subscription(started_at=begun, last_payment_at=begun, next_payment_at=begun + timedelta(days=30))
    paid = paypal.subscriptions[held.provider_id].payments[-1]
    paid.time = stamp(begun)
    show(ctx, held, paid)
    show(ctx, held, paid, told=told(paid, "refund", paid.amount))
    assert make.reload(held).has_paid_nothing
