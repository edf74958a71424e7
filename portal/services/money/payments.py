"""Payments as rows: written from PayPal's transactions, once per sale, in whatever order the news came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from portal.domain.money import payments as ladder
from portal.domain.money.money import Money
from portal.domain.money.payments import Move, MoveKind, Standing
from portal.domain.subscriptions import Status
from portal.models import Payment, PaymentState, Subscription
from portal.providers.ports import PaymentReading
from portal.queries.money import payments
from portal.services import outgoing_access
from portal.services.context import Context
from portal.services.dates import paid_time
from portal.services.money import given_dates, late_payments, payment_events, refunds, settlements, withdrawal_refunds
from portal.services.notices import missed_payment_notices, moved_ends

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a verified message says of one sale that PayPal's transactions may not show (domain/money/payments.py)."""

    sale_ids: tuple[str, ...]
    move: Move | None = None  # it is about money that went back, or came again
    refunded_in_all: Money | None = None


def take_over(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    readings: Iterable[PaymentReading],
    told: Told,
    *,
    now: datetime,
) -> str:
    """Write the payments that PayPal shows of a locked subscription, and what the message adds to one of them.

    Returns what cannot be seen of it yet, in one word; nothing when all is there.
    """
    before, was_unsettled = paid_time.money_of(subscription), paid_time.is_unsettled(subscription)
    standing = missed_payment_notices.Standing.of(subscription)
    usable = {row.provider_id: seen for row in readings if (seen := _seen(subscription, row)) is not None}
    ids = {*usable, *told.sale_ids}
    known = {
        row.provider_id: row
        for row in payments.by_provider_ids(session, subscription.merchant_id, subscription.environment, ids)
    }
    stood = {row.provider_id: row.standing for row in known.values()}
    for provider_id, seen in usable.items():
        known[provider_id] = _write(session, subscription, known.get(provider_id), seen, now=now)
    missing = ""
    if told.sale_ids:
        missing = _add(next((known[name] for name in told.sale_ids if name in known), None), told)
    session.flush()
    session.expire(subscription, ["payments"])
    for provider_id, payment in known.items():
        payment_events.follow(session, subscription, payment, stood.get(provider_id), now=now)
    paid_time.follow_payments(subscription, before, now=now)
    late_payments.look(ctx, session, subscription, now=now)
    if any(payment.went_back for payment in known.values()):
        refunds.follow(ctx, session, subscription, now=now)
    withdrawal_refunds.follow(session, subscription, now=now)
    moved_ends.follow(ctx, session, subscription, now=now)
    if subscription.facts != standing.facts:
        outgoing_access.mark(session, subscription, now=now)
    if standing.status is Status.PAST_DUE:
        settlements.follow(ctx, session, subscription, now=now)
    missed_payment_notices.follow(ctx, session, subscription, standing, now=now)
    if was_unsettled:
        given_dates.tell_settled(ctx, session, subscription, now=now)
    return missing


def give_back(payment: Payment, refund_id: str, amount: Money | None) -> None:
    """Write a refund of ours that PayPal has shown as done; None: all that was left.

    Its message may have told it already.  Else it comes on top of what is known, also where that is a sum alone.
    """
    if amount is None:
        _climb(payment, Standing("refunded"))
    elif refund_id not in payment.refunds:
        whole = Money(payment.amount, payment.currency)
        in_all = Money(min(payment.refunded + amount.amount, whole.amount), amount.currency)
        told = ladder.refund_told(whole, in_all)
        move = Move(kind=MoveKind.REFUND, id=refund_id, amount=amount)
        _climb(payment, ladder.moved(whole, move), *([told] if told else []))


@dataclass(frozen=True)
class _Seen:
    """A transaction that is a payment of ours."""

    reading: PaymentReading
    standing: Standing
    amount: Money


def _seen(subscription: Subscription, reading: PaymentReading) -> _Seen | None:
    """Return the transaction as a payment of ours; None without a known word and a readable amount, not below zero.

    An amount such as "1e2" is no money (FACTS.md 1.3), a negative one is no sale; zero is, of a free month.
    """
    standing, amount = ladder.shown(reading.status), reading.amount
    if standing is not None and amount is not None and amount.amount >= 0:
        return _Seen(reading, standing, amount)
    log.warning(
        "payment_unreadable",
        subscription_id=str(subscription.id),
        sale_id=reading.provider_id,
        word=reading.status[:40],
    )
    return None


def _write(
    session: Session, subscription: Subscription, known: Payment | None, seen: _Seen, *, now: datetime
) -> Payment:
    if known is None:
        known = Payment(
            merchant_id=subscription.merchant_id,
            subscription_id=subscription.id,
            environment=subscription.environment,
            provider_id=seen.reading.provider_id,
            state=PaymentState(seen.standing.state),
            amount=seen.amount.amount,
            currency=seen.amount.currency,
            refunded=ladder.NOTHING,
            refunds={},
            reversals={},
            paid_at=seen.reading.at,
            created_at=now,
        )
        session.add(known)
    _climb(known, seen.standing)
    return known


def _add(payment: Payment | None, told: Told) -> str:
    if payment is None:
        return "sale_not_shown"
    if told.move is None:
        return ""
    amount = Money(payment.amount, payment.currency)
    in_all = ladder.refund_told(amount, told.refunded_in_all)
    is_refund = told.move.kind is MoveKind.REFUND
    if is_refund and in_all is None and ladder.fitting(amount, told.move.amount) is None:
        # Neither sum is one: what PayPal's transactions say of it is all there is.
        untouched = (PaymentState.PENDING, PaymentState.DENIED, PaymentState.COMPLETED)
        return "refund_not_shown" if payment.state in untouched else ""
    _climb(payment, ladder.moved(amount, told.move), *([in_all] if in_all else []))
    return ""


def _climb(payment: Payment, *news: Standing) -> None:
    now = ladder.climb(payment.amount, payment.standing, *news)
    payment.state, payment.refunded = PaymentState(now.state), now.refunded
    payment.refunds = {key: str(size) for key, size in now.refunds.items()}
    payment.reversals = {key: str(size) for key, size in now.reversals.items()}
