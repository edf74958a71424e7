"""Clicks, workers, PayPal's messages and reads at once, and a worker that dies: what is outstanding is taken once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from portal.clock import utc_now
from portal.domain.money.settlements import CannotSettle, NoSettlement, SettlementState
from portal.domain.subscriptions import Status
from portal.models import Settlement, Subscription, TimelineKind
from portal.providers.ports import PaymentReading
from portal.queries import subscriptions
from portal.services.arrivals import refreshing
from portal.services.carrying import engine, settlement_carrying
from portal.services.carrying.settlement_carrying import SETTLEMENTS
from portal.services.money import payments
from portal.services.money.payments import Told
from tests.services.carrying.carried import Killed, entries
from tests.services.messages.webhook_desk import WebhookDesk, sale
from tests.services.money.settling import (
    DONE,
    DUE,
    captured,
    click,
    late_at,
    mails,
    once,
    settlement,
    together,
    try_it,
)


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def late(make, merchant):
    return late_at(make, merchant)


def test_paypals_message_of_the_payment_may_come_before_our_answer(ctx, make, paypal, late, monkeypatch):
    """The webhook's read goes through the same doors while our call is under way."""
    real = settlement_carrying.rest_gateway

    class Slow:
        def __init__(self, gateway):
            self.show_subscription, self.list_payments = gateway.show_subscription, gateway.list_payments
            self.gateway = gateway

        def capture_outstanding(self, *args, **more):
            taken = self.gateway.capture_outstanding(*args, **more)
            reading = PaymentReading(
                provider_id=taken.provider_id, status=taken.status, amount=taken.amount, at=taken.at
            )
            with ctx.db.begin() as session:
                locked = subscriptions.lock(session, late.merchant_id, late.id)
                payments.take_over(ctx, session, locked, [reading], Told(sale_ids=()), now=utc_now())
            refreshing.refresh(ctx, late.merchant_id, late.id, now=utc_now())
            return taken

    monkeypatch.setattr(settlement_carrying, "rest_gateway", lambda *args, **more: Slow(real(*args, **more)))
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id)
    assert settlement(ctx, settlement_id).provider_id == captured(paypal, late)[0].id
    once(ctx, make, paypal, late, settlement_id)


def test_paypals_message_comes_where_its_answer_was_lost(ctx, make, paypal, merchant, late):
    desk = WebhookDesk(ctx, paypal, merchant)
    paypal.rule("capture", "silent", times=1, seconds=2)
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id, patience=1)
    (paid,) = captured(paypal, late)
    for _ in range(2):
        desk.tell("PAYMENT.SALE.COMPLETED", sale(paid.id, late.provider_id))
    desk.work()
    once(ctx, make, paypal, late, settlement_id)
    try_it(ctx, late, settlement_id)
    assert paypal.count("capture") == 1
    once(ctx, make, paypal, late, settlement_id)


def test_whoever_reads_it_first_closes_it(ctx, make, paypal, late):
    """A read for another reason, while PayPal had only accepted the call."""
    paypal.rule("capture", "202", times=1)
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id)
    row = paypal.subscriptions[late.provider_id]
    row.outstanding, row.failed_payments = "0", 0
    refreshing.refresh(ctx, late.merchant_id, late.id, now=utc_now())
    assert settlement(ctx, settlement_id).state is DONE
    assert entries(ctx, late, TimelineKind.SETTLED) == 1


def test_a_message_of_the_payment_alone_closes_it(ctx, make, paypal, late):
    """Its sale is shown before the subscription's own figures are."""
    paypal.happen(late.provider_id, "captures-wait")
    settlement_id = click(ctx, late)
    pending = try_it(ctx, late, settlement_id)
    reading = PaymentReading(provider_id=pending.provider_id, status="COMPLETED", amount=DUE, at=utc_now())
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, late.merchant_id, late.id)
        payments.take_over(ctx, session, locked, [reading], Told(sale_ids=()), now=utc_now())
    assert settlement(ctx, settlement_id).state is DONE


def test_a_pending_one_that_clears_after_the_read_makes_the_subscription_run_again(ctx, make, paypal, late):
    """A message leads to a read, which is written before the payments: nothing else comes that day."""
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(declined_at=utc_now() - timedelta(hours=1)))
    paypal.happen(late.provider_id, "captures-wait")
    settlement_id = click(ctx, late)
    pending = try_it(ctx, late, settlement_id)
    paypal.happen(late.provider_id, "finish-captures")
    refreshing.refresh(ctx, late.merchant_id, late.id, now=utc_now())
    reading = PaymentReading(provider_id=pending.provider_id, status="COMPLETED", amount=DUE, at=utc_now())
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, late.merchant_id, late.id)
        payments.take_over(ctx, session, locked, [reading], Told(sale_ids=()), now=utc_now())
    assert settlement(ctx, settlement_id).state is DONE
    assert make.reload(late).status is Status.ACTIVE
    assert mails(ctx) == ["payment_settled"]


def test_six_clicks_in_two_tabs_and_five_workers_take_once(ctx, make, paypal, late):
    ids, failures = [], []

    def pressed():
        try:
            ids.append(click(ctx, late))
        except Exception as error:
            failures.append(error)

    together(pressed, 6)
    assert failures == []
    assert len(set(ids)) == 1
    together(lambda: settlement_carrying.carry_out(ctx, late.merchant_id, ids[0]), 5)
    assert paypal.count("capture") == 1
    once(ctx, make, paypal, late, ids[0])
    with pytest.raises(CannotSettle) as refused:
        click(ctx, late)
    assert refused.value.why is NoSettlement.NOT_LATE


@pytest.mark.parametrize("point", ["claimed", "read", "noted", "called", "read_back"])
def test_a_worker_killed_at_any_point_takes_once_and_tells_once(ctx, make, paypal, late, point, monkeypatch):
    settlement_id = click(ctx, late)
    die_at(monkeypatch, point)
    with pytest.raises(Killed):
        settlement_carrying.carry_out(ctx, late.merchant_id, settlement_id)
    monkeypatch.undo()
    settlement_carrying.carry_out(ctx, late.merchant_id, settlement_id)
    assert settlement(ctx, settlement_id).state is SettlementState.CALLING, "the dead process's claim still stands"
    with ctx.db.begin() as session:  # … until its time has run out, and the sweep finds it
        session.execute(text("DELETE FROM procrastinate_jobs"))
        gone = utc_now() - timedelta(minutes=9)
        session.execute(update(Settlement).values(claimed_at=gone, next_try_at=gone))
    assert engine.sweep(SETTLEMENTS, ctx, now=utc_now()) == 1
    with ctx.db.read() as session:
        jobs = session.execute(text("SELECT task_name FROM procrastinate_jobs")).scalars().all()
    assert jobs == ["settlements.carry_out"]
    settlement_carrying.carry_out(ctx, late.merchant_id, settlement_id)
    once(ctx, make, paypal, late, settlement_id)


def die_at(monkeypatch, point):
    """Kill the process at a named point: the gateway's calls are the points between our transactions."""
    real = settlement_carrying.rest_gateway

    class Dying:
        def __init__(self, gateway):
            self.gateway, self.is_called = gateway, False

        def show_subscription(self, *args, **more):
            if point == "claimed":
                raise Killed
            return self.gateway.show_subscription(*args, **more)

        def list_payments(self, *args, **more):
            shown = self.gateway.list_payments(*args, **more)
            if point == "read" or self.is_called:
                raise Killed
            return shown

        def capture_outstanding(self, *args, **more):
            if point == "noted":
                raise Killed
            taken = self.gateway.capture_outstanding(*args, **more)
            if point == "called":
                raise Killed
            self.is_called = True
            return taken

    monkeypatch.setattr(settlement_carrying, "rest_gateway", lambda *args, **more: Dying(real(*args, **more)))
