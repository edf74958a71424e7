"""Any payment given back, whole or in part: once, followed to its end, and told."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.domain.money.refunds import CannotRefund, NoRefund, RefundState
from portal.models import Payment, PaymentState, Refund, TimelineKind
from portal.queries import inbox
from portal.queries.money import payments
from portal.services.carrying import refund_carrying
from portal.services.carrying.answers import Patience
from portal.services.money import refunds
from tests.services.carrying.carried import entries, mails
from tests.services.money.late_money import ANNE, refund, show, told


@pytest.fixture
def paying(make):
    make.merchant()
    return make.subscription()


@pytest.fixture
def paid(ctx, paypal, paying):
    return taken(ctx, paypal, paying)


def taken(ctx, paypal, subscription, *, days_ago=1):
    """A payment of a living subscription, at PayPal and here."""
    paypal.happen(subscription.provider_id, "charge")
    at_paypal = paypal.subscriptions[subscription.provider_id].payments[-1]
    at_paypal.time = stamp(utc_now().replace(microsecond=0) - timedelta(days=days_ago))
    show(ctx, subscription, at_paypal)
    with ctx.db.read() as session:
        return session.scalars(select(Payment).where(Payment.provider_id == at_paypal.id)).one()


def ask(ctx, payment, amount=None, left=None):
    given = Decimal(amount) if amount else None
    shown = Decimal(left) if left else None
    return refunds.record(ctx, payment.merchant_id, payment.id, ANNE, amount=given, left=shown, now=utc_now())


def carry(ctx, payment, refund_id) -> Refund:
    refund_carrying.carry_out(ctx, payment.merchant_id, refund_id, patience=Patience(answer=5), insist=True)
    return refund(ctx, refund_id)


def now_of(ctx, payment) -> Payment:
    with ctx.db.read() as session:
        return payments.of_merchant(session, payment.merchant_id, payment.id)


def test_a_part_then_the_rest_and_each_is_told_once(ctx, paypal, paying, paid):
    assert carry(ctx, paid, ask(ctx, paid, "9.95")).state is RefundState.DONE
    part = now_of(ctx, paid)
    assert (part.state, part.left) == (PaymentState.PARTIALLY_REFUNDED, Decimal("19.95"))
    assert carry(ctx, paid, ask(ctx, paid)).state is RefundState.DONE
    assert now_of(ctx, paid).left == 0
    assert len(paypal.subscriptions[paying.provider_id].refunds) == 2
    assert mails(ctx).count("payment_refunded") == 2
    assert entries(ctx, paying, TimelineKind.REFUND_REQUESTED) == entries(ctx, paying, TimelineKind.REFUNDED) == 2
    assert "late_payment_refunded" not in mails(ctx)


@pytest.mark.parametrize(
    ("amount", "why"),
    [("29.91", "not_an_amount"), ("0.001", "not_an_amount"), ("1e-2", None)],
)
def test_a_sum_that_cannot_be_is_not_asked_for(ctx, paypal, paid, amount, why):
    if why is None:
        assert carry(ctx, paid, ask(ctx, paid, amount)).state is RefundState.DONE
        return
    with pytest.raises(CannotRefund) as refused:
        ask(ctx, paid, amount)
    assert refused.value.why == why
    assert paypal.count("refund") == 0


def test_a_second_click_that_comes_late_gives_nothing_back_twice(ctx, paypal, paid):
    carry(ctx, paid, ask(ctx, paid, "10", left="29.90"))
    with pytest.raises(CannotRefund) as refused:
        ask(ctx, paid, "10", left="29.90")
    assert refused.value.why is NoRefund.ANOTHER_AMOUNT
    assert paypal.count("refund") == 1


def test_a_click_while_one_is_open_gets_that_one(ctx, paypal, paid):
    assert ask(ctx, paid, "10") == ask(ctx, paid, "5")


def test_what_was_never_taken_is_too_old_or_anothers_is_refused(ctx, make, paypal, paying, paid):
    old = taken(ctx, paypal, paying, days_ago=181)
    with pytest.raises(CannotRefund) as too_old:
        ask(ctx, old)
    denied = make.payment(paying, 3, PaymentState.DENIED)
    with pytest.raises(CannotRefund) as never:
        ask(ctx, denied)
    assert (too_old.value.why, never.value.why) == (NoRefund.TOO_OLD, NoRefund.NEVER_TAKEN)
    stranger = make.merchant()
    with pytest.raises(NoResultFound):
        refunds.record(ctx, stranger.id, paid.id, ANNE, now=utc_now())
    with pytest.raises(NoResultFound):
        refunds.record(ctx, paid.merchant_id, uuid.uuid4(), ANNE, now=utc_now())


def test_money_that_went_back_by_hand_closes_what_was_asked_for(ctx, paypal, paying, paid):
    refund_id = ask(ctx, paid)
    paypal.happen(paying.provider_id, "refund")
    done = carry(ctx, paid, refund_id)
    assert done.state is RefundState.DONE
    assert paypal.count("refund") == 0
    assert mails(ctx).count("payment_refunded") == 1


def test_a_call_that_paypal_may_have_forgotten_is_not_made_again(ctx, paypal, paid):
    refund_id = ask(ctx, paid, "10")
    with ctx.db.begin() as session:
        session.execute(update(Refund).values(sent_at=utc_now() - timedelta(days=30)))
    stuck = carry(ctx, paid, refund_id)
    assert stuck.state is RefundState.NEEDS_MERCHANT
    assert paypal.count("refund") == 0


def test_a_refund_that_paypal_does_not_do_waits_in_the_inbox_until_it_is_done(ctx, paypal, paid):
    paypal.rule("refund", "403")
    refund_id = ask(ctx, paid)
    assert carry(ctx, paid, refund_id).state is RefundState.NEEDS_MERCHANT
    assert in_inbox(ctx, paid) == ([refund_id], 1)
    paypal.clear_rules()
    assert carry(ctx, paid, refund_id).state is RefundState.DONE
    assert in_inbox(ctx, paid) == ([], 0)


def test_one_that_failed_is_news_until_there_is_another(ctx, paypal, paying, paid):
    paypal.happen(paying.provider_id, "refunds-wait")
    refund_id = ask(ctx, paid)
    carry(ctx, paid, refund_id)
    paypal.happen(paying.provider_id, "fail-refunds")
    assert carry(ctx, paid, refund_id).state is RefundState.FAILED
    assert in_inbox(ctx, paid) == ([refund_id], 1)
    assert in_inbox(ctx, paid, later=timedelta(days=31)) == ([], 0)
    ask(ctx, paid)
    assert in_inbox(ctx, paid) == ([], 0)


def in_inbox(ctx, payment, *, later=timedelta()):
    now = utc_now() + later
    with ctx.db.read() as session:
        items = [item.id for item in inbox.page(session, payment.merchant_id, now=now).items if item.kind == "refund"]
        return items, inbox.count(session, payment.merchant_id, now=now)


def test_what_went_back_by_hand_meanwhile_counts_towards_a_part(ctx, paypal, paying, paid):
    """PayPal refused ten, staff gave six back there by hand: four are left to send."""
    paypal.rule("refund", "403")
    refund_id = ask(ctx, paid, "10")
    assert carry(ctx, paid, refund_id).state is RefundState.NEEDS_MERCHANT
    paypal.clear_rules()
    by_hand(ctx, paypal, paying, "6.00")
    done = carry(ctx, paid, refund_id)
    assert (done.state, done.amount) == (RefundState.DONE, Decimal("4.00"))
    assert now_of(ctx, paid).left == Decimal("19.90")


def test_a_part_that_went_back_by_hand_whole_is_not_sent_again(ctx, paypal, paying, paid):
    paypal.rule("refund", "403")
    refund_id = ask(ctx, paid, "10")
    carry(ctx, paid, refund_id)
    paypal.clear_rules()
    calls = paypal.count("refund")
    by_hand(ctx, paypal, paying, "10.00")
    assert refund(ctx, refund_id).state is RefundState.DONE
    carry(ctx, paid, refund_id)
    assert paypal.count("refund") == calls
    assert now_of(ctx, paid).left == Decimal("19.90")


def test_a_part_of_which_nobody_knows_how_much_stops_the_call(ctx, paypal, paying, paid):
    """PayPal's list says « partially refunded » before its message says of how much."""
    refund_id = ask(ctx, paid, "10")
    paypal.happen(paying.provider_id, "refund-part")
    assert carry(ctx, paid, refund_id).state is RefundState.NEEDS_MERCHANT
    assert paypal.count("refund") == 0


@pytest.mark.parametrize("tried", [True, False])
def test_what_paypal_took_back_is_no_refund_of_the_merchants(ctx, paypal, paying, paid, tried):
    paypal.rule("refund", "403")
    refund_id = ask(ctx, paid, "10")
    if tried:
        carry(ctx, paid, refund_id)
    at_paypal = paypal.subscriptions[paying.provider_id].payments[-1]
    show(ctx, paying, at_paypal, told=told(at_paypal, "reversal", "29.90"))
    assert refund(ctx, refund_id).state is RefundState.FAILED
    assert "payment_refunded" not in mails(ctx)


def test_a_refund_after_a_dispute_took_a_part_is_done_whose_message_comes_first(ctx, paypal, paying, paid):
    """PayPal made it, and our own call has no answer yet: a second one would give the money back twice."""
    at_paypal = paypal.subscriptions[paying.provider_id].payments[-1]
    show(ctx, paying, at_paypal, told=told(at_paypal, "reversal", "10.00"))
    refund_id = ask(ctx, paid, "15.00")
    show(ctx, paying, at_paypal, told=told(at_paypal, "refund", "15.00"))
    done = refund(ctx, refund_id)
    assert (done.state, done.amount) == (RefundState.DONE, Decimal("15.00"))
    assert now_of(ctx, paid).left == Decimal("4.90")
    assert mails(ctx).count("payment_refunded") == entries(ctx, paying, TimelineKind.REFUNDED) == 1
    assert entries(ctx, paying, TimelineKind.REFUND_FAILED) == 0


def test_a_dispute_after_a_refund_that_was_done_does_not_stand_for_the_next_one(ctx, paypal, paying, paid):
    carry(ctx, paid, ask(ctx, paid, "9.00"))
    refund_id = ask(ctx, paid, "8.00")
    at_paypal = paypal.subscriptions[paying.provider_id].payments[-1]
    show(ctx, paying, at_paypal, told=told(at_paypal, "reversal", "12.00"))
    assert refund(ctx, refund_id).state is RefundState.FAILED
    assert mails(ctx).count("payment_refunded") == 1


def test_one_that_paypal_does_not_make_can_be_stopped_and_another_begun(ctx, paypal, paid):
    paypal.rule("refund", "403")
    refund_id = ask(ctx, paid)
    carry(ctx, paid, refund_id)
    paypal.clear_rules()
    assert refunds.give_up(ctx, paid.merchant_id, refund_id, ANNE, now=utc_now())
    assert not refunds.give_up(ctx, paid.merchant_id, refund_id, ANNE, now=utc_now())
    assert (refund(ctx, refund_id).state, refund(ctx, refund_id).given_up_by) == (RefundState.FAILED, "Anne")
    assert in_inbox(ctx, paid) == ([], 0)
    assert carry(ctx, paid, ask(ctx, paid)).state is RefundState.DONE


def test_the_news_of_a_whole_refund_takes_its_period_back_whoever_brings_it(ctx, make, paypal, paying):
    """The answer to our own call, or PayPal's list first: the same day is paid until."""
    found = []
    for is_ours in (True, False):
        subscription = make.subscription()
        paid = taken(ctx, paypal, subscription)
        if is_ours:
            carry(ctx, paid, ask(ctx, paid))
        else:
            paypal.happen(subscription.provider_id, "refund")
            show(ctx, subscription, paypal.subscriptions[subscription.provider_id].payments[-1])
        found.append(make.reload(subscription).paid_until - subscription.paid_until)
    assert abs(found[0] - found[1]) < timedelta(seconds=5)


def by_hand(ctx, paypal, subscription, amount):
    """Somebody gives a part back in the PayPal account, and its message says so."""
    at_paypal = paypal.subscriptions[subscription.provider_id].payments[-1]
    at_paypal.status, at_paypal.refunded = "PARTIALLY_REFUNDED", str(Decimal(at_paypal.refunded) + Decimal(amount))
    show(ctx, subscription, at_paypal, told=told(at_paypal, "refund", amount))


def test_paypals_message_about_our_own_refund_counts_it_once(ctx, paypal, paying, paid):
    """PayPal tells it under the id that the call had been given."""
    paypal.add_webhook("http://portal.test/webhooks/paypal/x")
    carry(ctx, paid, ask(ctx, paid, "5"))
    row = paypal.subscriptions[paying.provider_id]
    (made,) = row.refunds
    bodies = [json.loads(event.body) for event in paypal.state.events.values()]
    told_of = [one["resource"]["id"] for one in bodies if one["event_type"] == "PAYMENT.SALE.REFUNDED"]
    assert told_of == [made["id"]]
    at_paypal = row.payments[-1]
    show(ctx, paying, at_paypal, told=told(at_paypal, "refund", "5.00", name=made["id"]))
    assert now_of(ctx, paid).left == Decimal("24.90")
