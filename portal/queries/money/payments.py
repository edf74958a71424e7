"""Every SELECT of payments."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.models import NOT_TAKEN, Payment, PaymentState, Subscription

__all__ = [
    "NOT_TAKEN",
    "Payment",
    "PaymentState",
    "all_of_subscription",
    "are_unknown",
    "by_parent",
    "by_provider_ids",
    "newest_of_subscription",
    "of_customer",
    "of_merchant",
    "of_subscription",
    "subscription_of",
]


def by_provider_ids(session: Session, merchant_id: uuid.UUID, environment: str, ids: Collection[str]) -> list[Payment]:
    """Return the merchant's payments among PayPal's sale ids."""
    return list(
        session.scalars(
            select(Payment).where(
                Payment.merchant_id == merchant_id, Payment.environment == environment, Payment.provider_id.in_(ids)
            )
        )
    )


def of_merchant(session: Session, merchant_id: uuid.UUID, payment_id: uuid.UUID) -> Payment:
    """Return one payment of the merchant; raise NoResultFound for any other."""
    return session.scalars(select(Payment).where(Payment.id == payment_id, Payment.merchant_id == merchant_id)).one()


def by_parent(session: Session, merchant_id: uuid.UUID, environment: str, parent: str) -> list[Payment]:
    """Return the payment that a message of money gone back names: its sale, or the reversal that was cancelled."""
    ours = Payment.merchant_id == merchant_id, Payment.environment == environment
    return by_provider_ids(session, merchant_id, environment, {parent}) or list(
        session.scalars(select(Payment).where(*ours, Payment.reversals.has_key(parent)))
    )


def subscription_of(session: Session, payment: Payment) -> str:
    """Return PayPal's id of the subscription that a payment belongs to."""
    return session.execute(
        select(Subscription.provider_id).where(Subscription.id == payment.subscription_id)
    ).scalar_one()


def all_of_subscription(session: Session, merchant_id: uuid.UUID, subscription_id: uuid.UUID) -> list[Payment]:
    """Return a subscription's payments, newest first."""
    return list(
        session.scalars(
            select(Payment)
            .where(Payment.merchant_id == merchant_id, Payment.subscription_id == subscription_id)
            .order_by(Payment.paid_at.desc(), Payment.id)
        )
    )


def are_unknown(session: Session, subscription: Subscription) -> bool:
    """Say whether it began and no payment of it was ever seen here: that nothing was paid, nobody knows then."""
    if subscription.started_at is None or subscription.has_paid_nothing:
        return False
    seen = select(Payment.id).where(
        Payment.merchant_id == subscription.merchant_id, Payment.subscription_id == subscription.id
    )
    return session.scalar(seen.limit(1)) is None


def newest_of_subscription(session: Session, subscription_id: uuid.UUID) -> Payment | None:
    """Return the newest payment of a subscription that was taken, whatever went back of it; None without one."""
    taken = Payment.state.not_in(NOT_TAKEN)
    return session.scalars(
        select(Payment)
        .where(Payment.subscription_id == subscription_id, taken)
        .order_by(Payment.paid_at.desc(), Payment.id)
        .limit(1)
    ).one_or_none()


def of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, limit: int) -> list[Payment]:
    """Return the newest payments of everything that a customer holds."""
    return list(
        session.scalars(
            select(Payment)
            .join(Subscription, Subscription.id == Payment.subscription_id)
            .where(Subscription.merchant_id == merchant_id, Subscription.customer_id == customer_id)
            .order_by(Payment.paid_at.desc(), Payment.id)
            .limit(limit)
        )
    )


def of_subscription(session: Session, subscription_id: uuid.UUID, limit: int) -> tuple[list[Payment], int]:
    """Return the newest payments of a subscription that was looked up for a person, and how many there are in all."""
    rows = session.execute(
        select(Payment, func.count().over())
        .where(Payment.subscription_id == subscription_id)
        .order_by(Payment.paid_at.desc(), Payment.id)
        .limit(limit)
    ).all()
    return [payment for payment, _ in rows], rows[0][1] if rows else 0
