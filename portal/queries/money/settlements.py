"""Every SELECT of settlements."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, Select, bindparam, exists, select
from sqlalchemy.orm import Session

from portal.domain.money.settlements import OPEN, SettlementState
from portal.models import Payment, Settlement, Subscription

__all__ = ["Settlement", "SettlementState"]  # the web names its states

CLOCKS: Final = timedelta(minutes=5)  # how far PayPal's clock may be behind ours


def open_of(session: Session, subscription_id: uuid.UUID) -> Settlement | None:
    """Return the subscription's open settlement, if there is one."""
    return session.scalars(_open_of(), {"subscription_id": subscription_id}).one_or_none()


@cache
def _open_of() -> Select[Settlement]:
    mine = Settlement.subscription_id == bindparam("subscription_id")
    return select(Settlement).where(mine, Settlement.state.in_(OPEN))


def newest_of(session: Session, subscription_id: uuid.UUID) -> Settlement | None:
    """Return the subscription's newest settlement; the caller has checked whose it is."""
    newest = select(Settlement).where(Settlement.subscription_id == subscription_id)
    return session.scalars(newest.order_by(Settlement.created_at.desc(), Settlement.id).limit(1)).one_or_none()


def of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, settlement_id: uuid.UUID
) -> Settlement:
    """Return one settlement of the customer; raise NoResultFound for any other."""
    return session.scalars(
        select(Settlement)
        .join(Subscription, Subscription.id == Settlement.subscription_id)
        .where(
            Settlement.id == settlement_id,
            Settlement.merchant_id == merchant_id,
            Subscription.customer_id == customer_id,
        )
    ).one()


def was_done_since(session: Session, subscription_id: uuid.UUID, since: datetime | None) -> bool:
    """Say whether one came to its end since then: the customer waits for the news."""
    mine = Settlement.subscription_id == subscription_id, Settlement.state == SettlementState.DONE
    later = [Settlement.closed_at >= since] if since is not None else []
    return bool(session.scalar(select(exists().where(*mine, *later))))


def own_payment(session: Session, settlement: Settlement) -> Payment | None:
    """Return the payment that a settlement made: the one that PayPal named, else one like it that came since.

    What was there before the call left is none of it: it was read and written before.
    """
    mine = select(Payment).where(Payment.subscription_id == settlement.subscription_id)
    if settlement.provider_id:
        return session.scalars(mine.where(Payment.provider_id == settlement.provider_id)).one_or_none()
    if settlement.sent_at is None:
        return None
    like_it = mine.where(
        Payment.amount == settlement.amount,
        Payment.currency == settlement.currency,
        Payment.created_at > settlement.sent_at,
        Payment.paid_at >= settlement.sent_at - CLOCKS,
    )
    return session.scalars(like_it.order_by(Payment.paid_at).limit(1)).one_or_none()


def stuck() -> tuple[ColumnElement[bool], ...]:
    """Return what narrows to the settlements of `merchant_id` of which PayPal has said nothing clear for a day."""
    mine = Settlement.merchant_id == bindparam("merchant_id")
    return mine, Settlement.state == SettlementState.NEEDS_MERCHANT


def needing() -> Select[Settlement]:
    """Return the settlements that need the merchant."""
    return select(Settlement).where(*stuck())


def of_subscription(session: Session, subscription_id: uuid.UUID) -> Sequence[Settlement]:
    """Return every settlement of a subscription, newest first; the caller has checked whose it is."""
    mine = select(Settlement).where(Settlement.subscription_id == subscription_id)
    return session.scalars(mine.order_by(Settlement.created_at.desc(), Settlement.id)).all()
