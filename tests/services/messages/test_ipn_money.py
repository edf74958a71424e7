"""What IPNs tell of money: paid, refunded, reversed, each once and in any order."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import Customer, EventState, Payment, PaymentState, PayPalEvent, Subscription
from portal.services.messages import event_retention, events
from portal.services.own_data import erasing
from tests.services.messages.ipn_desk import one, outcomes, paid, rows, said, stored, work


def test_every_order_of_a_refunds_messages_ends_alike(ctx, make, deliver, paypal):
    profile = paypal.add_profile()
    for action in ("charge", "refund-part", "refund-part"):
        paypal.happen(profile.id, action)
    messages = paypal.ipn_messages(profile.id)
    assert len(messages) == 3
    seen = set()
    for order in itertools.permutations(messages):
        with ctx.db.begin() as session:
            session.execute(text("DELETE FROM payments"))
            session.execute(text("DELETE FROM paypal_events"))
        deliver(*order)
        work(ctx, now=utc_now() + timedelta(minutes=10))  # a refund before its sale waits
        (payment,) = rows(ctx, Payment)
        seen.add((payment.state, payment.amount, payment.refunded))
        assert {event.state for event in stored(ctx)} == {EventState.DONE}
    # Half of 29.90, and half of the other half.
    assert seen == {(PaymentState.PARTIALLY_REFUNDED, Decimal("29.9000"), sum_of_refunds(messages))}


def sum_of_refunds(messages: list[bytes]) -> Decimal:
    from urllib.parse import parse_qs

    gross = [Decimal(parse_qs(body.decode())["mc_gross"][0]) for body in messages]
    return -sum(amount for amount in gross if amount < 0)


def test_a_refund_handled_twice_counts_once(ctx, deliver, paypal):
    profile = paypal.add_profile()
    for action in ("charge", "refund-part"):
        paypal.happen(profile.id, action)
    deliver(*paypal.ipn_messages(profile.id))
    (before,) = rows(ctx, Payment)
    with ctx.db.begin() as session:
        for event in session.scalars(select(PayPalEvent)):
            events.replay(session, event, utc_now())
    work(ctx)
    (after,) = rows(ctx, Payment)
    assert (after.refunded, after.state) == (before.refunded, before.state)
    assert Decimal(0) < after.refunded < after.amount


def test_a_refund_that_names_only_its_sale_finds_its_subscription(ctx, deliver, paypal):
    profile = paypal.add_profile()
    sale = paid(profile.id, "SALE0000001")
    refund = said(
        "",
        txn_type="",
        txn_id="BACK0000001",
        parent_txn_id="SALE0000001",
        payment_status="Refunded",
        mc_gross="-29.90",
        mc_currency="EUR",
    )
    paypal.add_ipn(sale)
    paypal.add_ipn(refund)
    found = deliver(sale, refund)
    assert outcomes(found) == [(EventState.DONE, "")] * 2
    assert found[1].event_type == "refunded"
    (payment,) = rows(ctx, Payment)
    assert (payment.state, payment.refunded) == (PaymentState.REFUNDED, Decimal("29.90"))


def test_a_refund_of_a_sale_from_before_our_time_is_done_after_a_day(ctx, deliver, paypal):
    profile = paypal.add_profile()
    body = paid(profile.id, "BACK0000001", "Refunded", "-10.00", parent_txn_id="SALE0000000", txn_type="")
    paypal.add_ipn(body)
    (event,) = deliver(body)
    assert (event.state, event.error) == (EventState.WAITING, "sale_not_shown")
    work(ctx, now=utc_now() + timedelta(days=1, minutes=1))
    assert outcomes(stored(ctx)) == [(EventState.DONE, "sale_unknown")]
    assert rows(ctx, Payment) == []


def test_a_pending_payment_clears_and_a_late_word_does_not_turn_it_back(ctx, deliver, paypal):
    profile = paypal.add_profile()
    pending, cleared = paid(profile.id, "TXN00000001", "Pending"), paid(profile.id, "TXN00000001")
    for body in (pending, cleared):
        paypal.add_ipn(body)
    deliver(cleared, pending)
    assert [payment.state for payment in rows(ctx, Payment)] == [PaymentState.COMPLETED]


@pytest.mark.parametrize("gross", ["1e2", "-5.00", "NaN", "9" * 20, ""])
def test_money_that_is_none_makes_no_payment(ctx, deliver, paypal, gross):
    profile = paypal.add_profile()
    body = paid(profile.id, "TXN00000001", gross=gross)
    paypal.add_ipn(body)
    assert outcomes(deliver(body)) == [(EventState.DONE, "")]
    assert rows(ctx, Payment) == []
    assert one(ctx, profile.id).status is Status.ACTIVE


def test_a_refund_after_the_bodies_were_purged_is_added_to_the_one_before(ctx, deliver, paypal):
    profile = paypal.add_profile()
    sale = paid(profile.id, "SALE00000001")
    first, second = (
        paid(profile.id, f"REFUND00000{n}", "Refunded", gross, txn_type="", parent_txn_id="SALE00000001")
        for n, gross in enumerate(("-10.00", "-5.00"))
    )
    for body in (sale, first, second):
        paypal.add_ipn(body)
    deliver(sale, first)
    assert event_retention.purge(ctx, now=utc_now() + timedelta(days=31)) == 2
    deliver(second)
    (payment,) = rows(ctx, Payment)
    assert (payment.state, payment.refunded) == (PaymentState.PARTIALLY_REFUNDED, Decimal("15.00"))


def test_refunds_never_come_to_more_than_was_paid(ctx, deliver, paypal):
    profile = paypal.add_profile()
    bodies = [paid(profile.id, "SALE00000001")] + [
        paid(profile.id, f"REFUND00000{n}", "Refunded", "-29.00", txn_type="", parent_txn_id="SALE00000001")
        for n in range(2)
    ]
    for body in bodies:
        paypal.add_ipn(body)
    deliver(*bodies)
    (payment,) = rows(ctx, Payment)
    assert (payment.state, payment.refunded) == (PaymentState.REFUNDED, Decimal("29.90"))


def test_every_order_of_a_part_reversal_and_its_cancelling_ends_alike(ctx, deliver, paypal):
    """The cancelling names the sale, or (as some report) the reversal itself."""
    profile = paypal.add_profile()
    stories = [("Reversed", "-10.00"), ("Reversed", "-5.00"), ("Canceled_Reversal", "10.00")]
    for number, order in enumerate(itertools.permutations(range(3))):
        sale = f"SALE0000000{number}"
        moves = [
            paid(profile.id, f"BACK00000{number}{n}", word, gross, txn_type="", parent_txn_id=sale)
            for n, (word, gross) in enumerate(stories)
        ]
        bodies = [paid(profile.id, sale), *(moves[place] for place in order), moves[order[0]]]
        for body in bodies:
            paypal.add_ipn(body)
        assert {event.state for event in deliver(*bodies)} == {EventState.DONE}
    for payment in rows(ctx, Payment):
        assert (payment.state, payment.went_back, payment.left) == (
            PaymentState.PARTIALLY_REFUNDED,
            Decimal("5.00"),
            Decimal("24.90"),
        )


@pytest.mark.parametrize("parent", ["SALE00000001", "BACK00000001"])
def test_a_cancelled_reversal_gives_the_payment_back(ctx, deliver, paypal, parent):
    profile = paypal.add_profile()
    taken = paid(profile.id, "BACK00000001", "Reversed", "-29.90", txn_type="", parent_txn_id="SALE00000001")
    again = paid(profile.id, "BACK00000002", "Canceled_Reversal", "29.90", txn_type="", parent_txn_id=parent)
    for body in (sale := paid(profile.id, "SALE00000001"), taken, again):
        paypal.add_ipn(body)
    deliver(sale, taken)
    assert [payment.state for payment in rows(ctx, Payment)] == [PaymentState.REVERSED]
    assert {event.state for event in deliver(again, again)} == {EventState.DONE}
    assert [(payment.state, payment.left) for payment in rows(ctx, Payment)] == [
        (PaymentState.COMPLETED, Decimal("29.90"))
    ]


@pytest.mark.parametrize("waits", [False, True], ids=["came after it", "waited meanwhile"])
def test_a_refund_of_somebody_erased_says_nothing_of_its_payer_once_it_is_handled(ctx, deliver, paypal, waits):
    """It names their payment alone: no subscription, by which the other messages are found."""
    profile, other = paypal.add_profile(), paypal.add_profile(email="ian@client.test")
    sales = [paid(profile.id, "SALE00000001"), paid(other.id, "SALE00000002")]
    refunds = [
        paid(
            "", f"REFUND00000{n}", "Refunded", "-10.00", txn_type="", parent_txn_id=f"SALE0000000{n}", first_name="Zoé"
        )
        for n in (1, 2)
    ]
    for body in (*sales, *refunds):
        paypal.add_ipn(body)
    deliver(*sales)
    if waits:
        deliver(*refunds, handle=False)
    with ctx.db.begin() as session:
        whose = select(Subscription.customer_id).where(Subscription.provider_id == profile.id)
        erasing.erase(session, session.get_one(Customer, session.scalars(whose).one()), now=utc_now())
    work(ctx) if waits else deliver(*refunds)
    told = {event.event_id: event for event in stored(ctx) if event.event_type == "refunded"}
    assert {(event.subject, event.state) for event in told.values()} == {("", EventState.DONE)}
    kept = [event.body for event in told.values() if event.body is not None]
    assert kept == [refunds[1]], "that of somebody else is kept for its time"
    assert {payment.refunded for payment in rows(ctx, Payment)} == {Decimal("10.00")}
