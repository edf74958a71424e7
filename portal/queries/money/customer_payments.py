"""Every SELECT of what a customer sees of their payments: never anybody else's, whatever id is asked for."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.money import receipts
from portal.domain.money.money import Money
from portal.domain.money.receipts import Record, Total
from portal.domain.money.refunds import OPEN, RefundState
from portal.models import (
    NOT_TAKEN,
    KeyState,
    Payment,
    PaymentState,
    PayPalAccount,
    Product,
    Provider,
    Refund,
    Subscription,
    TimelineEntry,
    TimelineKind,
)

PAGE: Final = 50
UNDER_WAY: Final = OPEN - {RefundState.NEEDS_MERCHANT}  # what waits for the merchant is not on its way
GONE_BACK: Final = (PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED, PaymentState.REVERSED)


@dataclass(frozen=True, kw_only=True)
class Whose:
    """The customer of a merchant who asks."""

    merchant_id: uuid.UUID
    customer_id: uuid.UUID

    @property
    def subscriptions(self) -> tuple[ColumnElement[bool], ...]:
        """What narrows to what they hold."""
        return Subscription.merchant_id == self.merchant_id, Subscription.customer_id == self.customer_id


@dataclass(frozen=True, kw_only=True)
class Paid:
    """One payment with what it was for, and how much of it is being refunded."""

    payment: Payment
    product_name: str
    subscription_number: str  # PayPal's
    under_way: Money | None  # asked for here, and not confirmed by PayPal

    @property
    def amount(self) -> Money:
        """What was asked for."""
        return Money(self.payment.amount, self.payment.currency)


@dataclass(frozen=True, kw_only=True)
class Called:
    """What a number of PayPal's names: a payment, or one of the sums that went back of it, or a subscription."""

    payment_id: uuid.UUID | None = None
    is_move: bool = False
    subscription_id: uuid.UUID | None = None


def page(session: Session, whose: Whose, number: int) -> tuple[list[Paid], bool]:
    """Return a page of all their payments, newest first, and whether there is another."""
    newest = _theirs(whose).order_by(Payment.paid_at.desc(), Payment.id)
    rows = session.execute(newest.offset((number - 1) * PAGE).limit(PAGE + 1)).all()
    return [_paid(row) for row in rows[:PAGE]], len(rows) > PAGE


def of_year(session: Session, whose: Whose, span: tuple[datetime, datetime]) -> list[Paid]:
    """Return those from one moment to before the other, oldest first."""
    within = Payment.paid_at >= span[0], Payment.paid_at < span[1]
    rows = session.execute(_theirs(whose).where(*within).order_by(Payment.paid_at, Payment.id))
    return [_paid(row) for row in rows]


def one(session: Session, whose: Whose, payment_id: uuid.UUID) -> Paid:
    """Return one of their payments; raise NoResultFound for any other."""
    return _paid(session.execute(_theirs(whose).where(Payment.id == payment_id)).one())


def returns(session: Session, payment: Payment) -> Sequence[TimelineEntry]:
    """Return what is known with its day of the sums that went back of a payment, the oldest first."""
    return session.scalars(
        select(TimelineEntry)
        .where(
            TimelineEntry.subscription_id == payment.subscription_id,
            TimelineEntry.kind == TimelineKind.REFUNDED,
            TimelineEntry.details["payment"].astext == payment.provider_id,
        )
        .order_by(TimelineEntry.at, TimelineEntry.id)
    ).all()


def totals(session: Session, whose: Whose, time_zone: str) -> list[Total]:
    """Return what was taken in each year by the merchant's clock and in each currency, and what of it went back."""
    year = cast(func.extract("year", func.timezone(time_zone, Payment.paid_at)), Integer)
    ours = (Subscription, Subscription.id == Payment.subscription_id)
    taken = session.execute(
        select(year, Payment.currency, func.sum(Payment.amount), func.count())
        .join(*ours)
        .where(*whose.subscriptions, Payment.state.not_in(NOT_TAKEN))
        .group_by(year, Payment.currency)
        .order_by(year.desc(), Payment.currency)
    ).all()
    gone = session.execute(
        select(Payment, year).join(*ours).where(*whose.subscriptions, Payment.state.in_(GONE_BACK))
    ).all()
    return [_total(*row, [one for one, at in gone if (at, one.currency) == (row[0], row[1])]) for row in taken]


def record(session: Session, whose: Whose) -> Record:
    """Return how much of what PayPal took of them is known here."""
    waits = Subscription.history_due_at.is_not(None)
    working = and_(
        PayPalAccount.merchant_id == Subscription.merchant_id,
        PayPalAccount.provider == Provider.PAYPAL_REST,
        PayPalAccount.environment == Subscription.environment,
        PayPalAccount.state == KeyState.WORKING,
        PayPalAccount.broken_since.is_(None),
    )
    row = session.execute(
        select(
            func.bool_or(and_(waits, PayPalAccount.id.is_not(None))),
            func.bool_or(and_(waits, PayPalAccount.id.is_(None))),
            func.bool_or(Subscription.provider == Provider.PAYPAL_CLASSIC),
        )
        .select_from(Subscription)
        .outerjoin(PayPalAccount, working)
        .where(*whose.subscriptions)
    ).one()
    return receipts.record(being_read=bool(row[0]), unreadable=bool(row[1]), has_classic=bool(row[2]))


def called(session: Session, whose: Whose, number: str) -> Called | None:
    """Return which of theirs PayPal's number names; None for every other, whoever's it is."""
    subscription = select(Subscription.id).where(*whose.subscriptions, Subscription.provider_id == number)
    if (found := session.scalars(subscription.limit(1)).first()) is not None:
        return Called(subscription_id=found)
    refunded = select(Refund.payment_id).where(Refund.payment_id == Payment.id, Refund.provider_id == number).exists()
    names = or_(
        Payment.provider_id == number, Payment.refunds.has_key(number), Payment.reversals.has_key(number), refunded
    )
    paid = session.execute(
        select(Payment.id, Payment.provider_id)
        .join(Subscription, Subscription.id == Payment.subscription_id)
        .where(*whose.subscriptions, names)
        .limit(1)
    ).first()
    return Called(payment_id=paid[0], is_move=paid[1] != number) if paid is not None else None


def _theirs(whose: Whose) -> Select[Payment, str, str, Decimal]:
    """At most one refund of a payment is open at a time (uq_refunds_open)."""
    return (
        select(Payment, Product.name, Subscription.provider_id, Refund.amount)
        .join(Subscription, Subscription.id == Payment.subscription_id)
        .join(Product, Product.id == Subscription.product_id)
        .outerjoin(Refund, and_(Refund.payment_id == Payment.id, Refund.state.in_(UNDER_WAY)))
        .where(*whose.subscriptions)
    )


def _paid(row: Row[Payment, str, str, Decimal]) -> Paid:
    payment, name, number, under_way = row
    money = Money(under_way, payment.currency) if under_way is not None else None
    return Paid(payment=payment, product_name=name, subscription_number=number, under_way=money)


def _total(year: int, currency: str, taken: Decimal, count: int, gone: list[Payment]) -> Total:
    return Total(
        year=year,
        currency=currency,
        taken=taken,
        count=count,
        back=sum((one.went_back for one in gone), Decimal(0)),
        is_back_known=all(one.is_back_known for one in gone),
    )
