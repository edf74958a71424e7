"""Money after an end (deciding test 15): the alarm, what is told apart from it, and the looks that miss nothing."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.domain.ends.end_requests import Basis, RequestState
from portal.domain.money.late_payments import LateState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import Mail, Merchant, PaymentState, Subscription, TimelineKind
from portal.providers.ports import Reading
from portal.queries import subscriptions
from portal.queries.money import late_payments as queries
from portal.services.aging import Unfinished
from portal.services.arrivals import late_payment_watch
from portal.services.ends import endings
from portal.services.money import late_payments
from tests.services.carrying.carried import ask, carry, entries, mails
from tests.services.money.late_money import alarms, charged, payment_of, show, stopped, tell, told, watch


@pytest.fixture
def ended(ctx, make, paypal):
    make.merchant()
    return stopped(ctx, make, paypal)


def once(ctx, subscription):
    """One alarm, one entry, one mail to the customer, one to the merchant."""
    tell(ctx)
    tell(ctx)
    (late,) = alarms(ctx)
    assert late.state is LateState.OPEN
    assert entries(ctx, subscription, TimelineKind.LATE_PAYMENT) == 1
    assert mails(ctx).count("late_payment") == 1
    assert mails(ctx).count("merchant_late_payments") == 1
    return late


def revive(paypal, subscription):
    """PayPal shows the subscription live again, as one whose cancel did not hold."""
    row = paypal.subscriptions[subscription.provider_id]
    row.status, row.status_update_time = "ACTIVE", stamp(subscription.started_at)
    row.next_billing_time = stamp(utc_now() + timedelta(days=20))


def due(ctx, subscription):
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(next_watch_at=utc_now() - timedelta(seconds=1)))


def test_15_a_payment_the_day_after_that_no_message_told_of_is_found_and_a_live_one_is_ended_again(
    ctx, make, paypal, ended
):
    charged(paypal, ended)
    revive(paypal, ended)
    due(ctx, ended)
    assert watch(ctx) == 1
    once(ctx, ended)
    own = make.requests(ended)[-1]
    assert (own.actor, own.state) == (Actor.SYSTEM, RequestState.RECORDED)
    again = carry(ctx, own)
    assert (again.state, again.basis) == (RequestState.CONFIRMED, Basis.READ_AFTER_CALL)
    assert paypal.cancelled.count(ended.provider_id) == 2
    after = make.reload(ended)
    assert after.status is Status.CANCELLED
    assert after.stopped_at_provider_at == ended.stopped_at_provider_at, "the first stop is the one that was told"
    assert watch(ctx) == 0, "the next look has its own time"
    assert after.next_watch_at > utc_now()


@pytest.mark.parametrize("ahead", [timedelta(hours=7), timedelta(seconds=40)])
def test_a_payment_that_paypal_took_before_it_stopped_is_not_late_however_our_clocks_differ(ctx, make, paypal, ahead):
    """By PayPal's clock the payment came first and the end after it; by ours both are still to come."""
    make.merchant()
    subscription = make.subscription(next_payment_at=make.now() + ahead / 2)
    paypal.advance(hours=ahead / timedelta(hours=1))  # the payment falls due in between, and is taken
    *_, paid = paypal.subscriptions[subscription.provider_id].payments
    request = ask(ctx, make, subscription)
    assert carry(ctx, request).state is RequestState.CONFIRMED
    show(ctx, subscription, paid)
    assert alarms(ctx) == []
    assert "late_payment" not in mails(ctx)
    late = charged(paypal, make.reload(subscription))
    show(ctx, subscription, late)
    assert len(alarms(ctx)) == 1, "one that comes after the stop is"


def test_a_stop_that_lies_years_ahead_hides_no_money_after_the_end(ctx, make, paypal, monkeypatch):
    make.merchant()
    subscription = make.subscription()
    real = endings.record_end
    years = timedelta(days=3650)

    def strange(*given, reading, now, **named):
        return real(*given, reading=replace(reading, status_at=now + years), now=now, **named)

    monkeypatch.setattr(endings, "record_end", strange)
    carry(ctx, ask(ctx, make, subscription))
    stop = make.reload(subscription).stopped_at_provider_at
    assert stop < utc_now() + timedelta(days=8)
    show(ctx, subscription, charged(paypal, make.reload(subscription)))
    assert len(alarms(ctx)) == 1


def test_a_stop_that_lies_before_our_call_makes_no_alarm_of_what_was_paid_before(ctx, make, paypal, monkeypatch):
    make.merchant()
    subscription = make.subscription()
    make.payment(subscription, days=3)
    real = endings.record_end

    def strange(*given, reading, **named):
        return real(*given, reading=replace(reading, status_at=subscription.started_at), **named)

    monkeypatch.setattr(endings, "record_end", strange)
    carry(ctx, ask(ctx, make, subscription))
    after = make.reload(subscription)
    assert utc_now() - after.stopped_at_provider_at < timedelta(hours=2)
    assert utc_now() - after.ended_at < timedelta(hours=2)
    assert alarms(ctx) == []


def test_15_the_alarm_itself_makes_the_portal_look_at_paypal(ctx, make, paypal, ended):
    revive(paypal, ended)
    show(ctx, ended, charged(paypal, ended))
    assert make.reload(ended).next_watch_at <= utc_now()
    watch(ctx)
    assert make.requests(ended)[-1].actor is Actor.SYSTEM
    once(ctx, ended)


def test_15_doubled_and_shuffled_news_of_two_payments_give_each_one_alarm_and_one_mail(ctx, make, paypal, ended):
    first, second = charged(paypal, ended), charged(paypal, ended, after=timedelta(days=1, hours=5))
    news = [first, second] * 3
    random.Random(15).shuffle(news)
    for paid in news:
        show(ctx, ended, paid)
    due(ctx, ended)
    watch(ctx)
    tell(ctx)
    assert len(alarms(ctx)) == 2
    assert entries(ctx, ended, TimelineKind.LATE_PAYMENT) == 2
    assert mails(ctx).count("late_payment") == 2
    assert mails(ctx).count("merchant_late_payments") == 1, "one mail for both"
    assert make.requests(ended)[-1].actor is Actor.CUSTOMER, "PayPal shows it as over: nothing is ended again"


def test_the_merchants_mails_are_an_hour_apart_and_leave_nothing_out(ctx, paypal, ended):
    show(ctx, ended, charged(paypal, ended))
    tell(ctx)
    show(ctx, ended, charged(paypal, ended, after=timedelta(days=1, hours=2)))
    tell(ctx)
    assert mails(ctx).count("merchant_late_payments") == 1
    tell(ctx, now=utc_now() + timedelta(minutes=61))
    tell(ctx, now=utc_now() + timedelta(minutes=125))
    assert mails(ctx).count("merchant_late_payments") == 2
    assert all(late.merchant_told_at for late in alarms(ctx))


def test_a_merchant_whose_mail_cannot_be_written_keeps_no_other_waiting_and_is_reported(ctx, make, paypal):
    merchants = [make.merchant() for _ in range(3)]
    for merchant in merchants:
        ended = stopped(ctx, make, paypal, merchant=merchant)
        show(ctx, ended, charged(paypal, ended))
    with ctx.db.begin() as session:
        bad = queries.merchants_to_tell(session)[0]  # the first of the walk
        session.execute(update(Merchant).where(Merchant.id == bad).values(time_zone="Nowhere/AtAll"))
    with pytest.raises(Unfinished):
        tell(ctx)
    assert mails(ctx).count("merchant_late_payments") == 2
    assert [late.merchant_id for late in alarms(ctx) if late.merchant_told_at is None] == [bad]


@pytest.mark.parametrize(
    ("after", "status", "amount"),
    [
        (timedelta(0), "COMPLETED", "29.90"),
        (timedelta(seconds=-1), "COMPLETED", "29.90"),
        (timedelta(days=-3), "COMPLETED", "29.90"),
        (timedelta(days=1), "COMPLETED", "0.00"),
        (timedelta(days=1), "PENDING", "29.90"),
        (timedelta(days=1), "DECLINED", "29.90"),
        (timedelta(days=1), "REFUNDED", "29.90"),
    ],
)
def test_what_is_no_money_after_the_end_raises_nothing(ctx, paypal, ended, after, status, amount):
    paid = charged(paypal, ended, after=after)
    paid.status, paid.amount = status, amount
    show(ctx, ended, paid)
    tell(ctx)
    assert alarms(ctx) == []
    assert not {"late_payment", "merchant_late_payments"} & set(mails(ctx))


def test_pending_before_the_end_and_cleared_after_it_is_a_late_report(ctx, paypal, ended):
    paid = charged(paypal, ended, after=timedelta(hours=-2))
    for status in ("PENDING", "COMPLETED"):
        paid.status = status
        show(ctx, ended, paid)
    assert alarms(ctx) == []


def test_begun_after_the_end_it_is_late_once_it_clears(ctx, paypal, ended):
    paid = charged(paypal, ended, after=timedelta(seconds=1))
    for status in ("PENDING", "COMPLETED", "COMPLETED"):
        paid.status = status
        show(ctx, ended, paid)
    once(ctx, ended)


def test_an_old_debt_that_is_paid_is_told_apart_up_to_what_was_owed(ctx, make, paypal):
    make.merchant()
    ended = stopped(ctx, make, paypal, status=Status.PAST_DUE)
    assert (ended.owed, ended.owed_currency) == (Decimal("29.90"), "EUR")
    paid = charged(paypal, ended)
    paid.amount = "29.90"
    show(ctx, ended, paid)
    show(ctx, ended, paid)
    assert [late.state for late in alarms(ctx)] == [LateState.DEBT]
    assert "late_payment" not in mails(ctx)
    assert entries(ctx, ended, TimelineKind.LATE_PAYMENT) == 0

    more = charged(paypal, ended, after=timedelta(days=2))
    more.amount = "29.90"
    show(ctx, ended, more)
    tell(ctx)
    assert sorted(late.state for late in alarms(ctx)) == [LateState.DEBT, LateState.OPEN], "nothing is owed any more"


def test_more_than_was_owed_is_an_alarm(ctx, make, paypal):
    make.merchant()
    ended = stopped(ctx, make, paypal, status=Status.PAST_DUE)
    paid = charged(paypal, ended)
    paid.amount = "29.91"
    show(ctx, ended, paid)
    once(ctx, ended)


def test_the_last_payment_of_a_plan_and_its_end_come_in_either_order(ctx, make, paypal):
    make.merchant()
    subscription = make.subscription()
    moment = utc_now().replace(microsecond=0) - timedelta(hours=3)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        reading = Reading(provider_id=subscription.provider_id, status="EXPIRED", status_at=moment)
        endings.record_reading(ctx, session, locked, reading, now=utc_now())
    subscription = make.reload(subscription)
    show(ctx, subscription, charged(paypal, subscription, after=timedelta(minutes=5)))
    assert alarms(ctx) == []
    show(ctx, subscription, charged(paypal, subscription, after=timedelta(minutes=90)))
    assert len(alarms(ctx)) == 1


def test_a_payment_reported_before_the_end_itself_raises_the_alarm_with_the_end(ctx, make, paypal):
    make.merchant()
    subscription = make.subscription()
    moment = utc_now().replace(microsecond=0) - timedelta(days=1)
    paypal.happen(subscription.provider_id, "charge")
    paid = paypal.subscriptions[subscription.provider_id].payments[-1]
    paid.time = stamp(moment + timedelta(hours=1))
    show(ctx, subscription, paid)
    assert alarms(ctx) == []
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        reading = Reading(provider_id=subscription.provider_id, status="CANCELLED", status_at=moment)
        endings.record_reading(ctx, session, locked, reading, now=utc_now())
    once(ctx, subscription)


def test_given_back_by_hand_closes_the_alarm_by_itself(ctx, paypal, ended):
    paid = charged(paypal, ended)
    show(ctx, ended, paid)
    paypal.happen(ended.provider_id, "refund")
    for _ in range(2):
        show(ctx, ended, paid)
    (late,) = alarms(ctx)
    assert (late.state, payment_of(ctx, late).state) == (LateState.REFUNDED, PaymentState.REFUNDED)
    assert entries(ctx, ended, TimelineKind.REFUNDED) == 1
    assert mails(ctx).count("late_payment_refunded") == 1


def test_taken_back_after_a_dispute_closes_the_alarm_and_is_said_as_that(ctx, paypal, ended):
    paid = charged(paypal, ended)
    show(ctx, ended, paid)
    for _ in range(2):
        show(ctx, ended, paid, told=told(paid, "reversal", "29.90"))
    (late,) = alarms(ctx)
    assert (late.state, payment_of(ctx, late).state) == (LateState.REFUNDED, PaymentState.REVERSED)
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).where(Mail.kind == "late_payment_refunded")).one()
    assert mail.subject.startswith("Repris par PayPal"), "we said that we would write"


def test_explained_is_settled_and_cannot_be_explained_twice(ctx, paypal, ended):
    show(ctx, ended, charged(paypal, ended))
    (late,) = alarms(ctx)
    late_payments.explain(ctx, late.merchant_id, late.id, reason=" dû ", by="Anne", now=utc_now())
    with pytest.raises(late_payments.NotOpen):
        late_payments.explain(ctx, late.merchant_id, late.id, reason="x", by="Anne", now=utc_now())
    (late,) = alarms(ctx)
    assert (late.state, late.reason, late.decided_by) == (LateState.EXPLAINED, "dû", "Anne")
    assert mails(ctx).count("late_payment_kept") == 1, "we said that we would write"
    with ctx.db.read() as session:
        assert queries.needing_merchant(session, late.merchant_id) == []


def test_a_silent_paypal_is_looked_at_again_later_and_after_the_last_time_no_more(ctx, make, paypal, ended):
    paypal.rule("show", "500", times=1)
    due(ctx, ended)
    watch(ctx)
    assert utc_now() < make.reload(ended).next_watch_at < utc_now() + timedelta(hours=1)
    long_ago = utc_now() - timedelta(days=90)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(stopped_at_provider_at=long_ago, unbilled_at=long_ago))
    due(ctx, ended)
    assert watch(ctx) == 1
    assert make.reload(ended).next_watch_at is None
    assert watch(ctx) == 0


def test_a_look_asked_for_during_a_look_is_made_too(ctx, make, paypal, ended, monkeypatch):
    """PayPal's message of a payment comes while the subscription is being read: its own look is still to come."""
    real = late_payment_watch.reread

    def and_money_comes(*about):
        real(*about)
        if not alarms(ctx):
            show(ctx, ended, charged(paypal, ended))

    monkeypatch.setattr(late_payment_watch, "reread", and_money_comes)
    due(ctx, ended)
    assert watch(ctx) == 2


def test_one_that_cannot_be_read_keeps_nobody_behind_it_waiting(ctx, make, paypal, ended):
    other = stopped(ctx, make, paypal)
    charged(paypal, other)
    paypal.rule("show", "404", only=ended.provider_id)
    due(ctx, ended)
    assert watch(ctx) == 2
    assert [late.subscription_id for late in alarms(ctx)] == [other.id]


def test_the_end_plans_the_first_look_and_keeps_the_date_that_paypal_drops(ctx, make, paypal):
    make.merchant()
    subscription = make.subscription()
    ended = stopped(ctx, make, paypal, days_ago=0)
    assert abs(ended.next_watch_at - (utc_now() + timedelta(days=1))) < timedelta(minutes=1)
    assert abs(ended.unbilled_at - subscription.next_payment_at) < timedelta(minutes=1)


def test_the_date_that_is_kept_is_that_of_the_last_read_before_the_call(ctx, make, paypal):
    """A first try failed before a payment, which was then taken: the one after it must not come."""
    make.merchant()
    subscription = make.subscription()
    paypal.rule("cancel", "500")
    request = carry(ctx, ask(ctx, make, subscription))
    named = (subscription.next_payment_at + timedelta(days=31)).replace(microsecond=0)
    paypal.subscriptions[subscription.provider_id].next_billing_time = stamp(named)
    paypal.clear_rules()
    assert carry(ctx, request).state is RequestState.CONFIRMED
    assert make.reload(subscription).unbilled_at == named


def test_a_customer_without_an_address_is_named_to_the_merchant(ctx, make, paypal):
    merchant = make.merchant()
    ended = stopped(ctx, make, paypal, customer=make.customer(merchant, email=None))
    show(ctx, ended, charged(paypal, ended))
    tell(ctx)
    assert "late_payment" not in mails(ctx)
    assert mails(ctx).count("merchant_late_payments") == 1


def test_money_of_one_that_ended_before_it_began_is_late_too(ctx, make, paypal):
    """Its customer was told that no payment would be taken: PayPal lets it begin, and takes the first one."""
    make.merchant()
    pending = make.subscription(status=Status.PENDING, paid_until=None, last_payment_at=None, next_payment_at=None)
    ended = carry(ctx, ask(ctx, make, pending))
    assert (ended.basis, make.reload(pending).stopped_at_provider_at) == (Basis.NEVER_STARTED, None)
    paypal.happen(pending.provider_id, "buyer-approves")
    paypal.happen(pending.provider_id, "charge")
    paid = paypal.subscriptions[pending.provider_id].payments[-1]
    paid.time = stamp(utc_now() + timedelta(seconds=1))
    show(ctx, pending, paid)
    (late,) = alarms(ctx)
    assert late.state is LateState.OPEN
    assert "late_payment" in mails(ctx)
