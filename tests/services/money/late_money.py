"""A subscription that PayPal has confirmed as stopped, and money that comes all the same."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select, update

from portal.clock import utc_now
from portal.demo.simulator.records import moment, stamp
from portal.domain.money.money import Money
from portal.domain.money.payments import Move, MoveKind
from portal.models import LatePayment, Payment, Refund, Subscription
from portal.providers.ports import PaymentReading
from portal.queries import subscriptions
from portal.services.arrivals import late_payment_watch
from portal.services.carrying import refund_carrying
from portal.services.carrying.answers import Patience
from portal.services.money import payments, refunds
from portal.services.money.payments import Told
from portal.services.money.refunds import By
from portal.services.notices import late_payment_notices
from tests.services.carrying.carried import ask, carry

ANNE = By(id=uuid.uuid4(), name="Anne")


def stopped(ctx, make, paypal, *, days_ago=2, **columns):
    """End a subscription by its customer, as if PayPal had confirmed it some days ago."""
    subscription = make.subscription(**columns)
    carry(ctx, ask(ctx, make, subscription))
    at = utc_now().replace(microsecond=0) - timedelta(days=days_ago)
    with ctx.db.begin() as session:
        session.execute(
            update(Subscription)
            .where(Subscription.id == subscription.id)
            .values(stopped_at_provider_at=at, provider_status_at=at)
        )
    row = paypal.subscriptions[subscription.provider_id]
    row.status_update_time = stamp(at)
    return make.reload(subscription)


def charged(paypal, subscription, *, after=timedelta(days=1)):
    """Let PayPal take a payment some time after the stop."""
    paypal.happen(subscription.provider_id, "charge")
    paid = paypal.subscriptions[subscription.provider_id].payments[-1]
    paid.time = stamp(subscription.stopped_at_provider_at + after)
    return paid


def show(ctx, subscription, paid, *, told=Told(sale_ids=())):  # noqa: B008 - frozen
    """Write a transaction as PayPal shows it now, and what a message adds to it."""
    reading = PaymentReading(
        provider_id=paid.id,
        status=paid.status,
        amount=Money(Decimal(paid.amount), paid.currency),
        at=moment(paid.time),
    )
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        payments.take_over(ctx, session, locked, [reading], told, now=utc_now())


def told(paid, kind, size, *, name=""):
    """What PayPal's message of money gone back, or come again, says; each under its own id."""
    move = Move(kind=MoveKind(kind), id=name or f"{kind}{size}", amount=Money(Decimal(size), paid.currency))
    return Told(sale_ids=(paid.id,), move=move)


def alarms(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(LatePayment).order_by(LatePayment.created_at)).all()


def payment_of(ctx, late) -> Payment:
    with ctx.db.read() as session:
        return session.get_one(Payment, late.payment_id)


def click(ctx, late):
    """Ask for the refund as the desk does, without a try yet; return the refund's id."""
    return refunds.record(ctx, late.merchant_id, late.payment_id, ANNE, now=utc_now())


def refund(ctx, refund_id) -> Refund:
    with ctx.db.read() as session:
        return session.get_one(Refund, refund_id)


def try_it(ctx, late, refund_id, *, patience=5) -> Refund:
    """Try as if the planned time had come."""
    refund_carrying.carry_out(ctx, late.merchant_id, refund_id, patience=Patience(answer=patience), insist=True)
    return refund(ctx, refund_id)


def watch(ctx) -> int:
    return late_payment_watch.run(ctx, seconds=20)


def tell(ctx, *, now=None):
    late_payment_notices.tell_merchants(ctx, now=now or utc_now())
