"""Every SELECT of refunds."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from functools import cache

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from portal.domain.refunds import OPEN, RefundState
from portal.models import Refund

__all__ = ["Refund", "RefundState"]


def open_of(session: Session, payment_id: uuid.UUID) -> Refund | None:
    """Return the payment's open refund, if there is one."""
    return session.scalars(select(Refund).where(Refund.payment_id == payment_id, Refund.state.in_(OPEN))).one_or_none()


def of_payment(session: Session, payment_id: uuid.UUID) -> list[Refund]:
    """Return every refund of a payment, newest first."""
    return list(
        session.scalars(select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.created_at.desc()))
    )


def of_subscription(session: Session, subscription_id: uuid.UUID) -> list[Refund]:
    """Return every refund of a subscription's payments, newest first; the caller has checked whose it is."""
    return list(
        session.scalars(
            select(Refund)
            .where(Refund.subscription_id == subscription_id)
            .order_by(Refund.created_at.desc(), Refund.id)
        )
    )


def newest_by_payment(session: Session, payment_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Refund]:
    """Return the newest refund of each of the payments."""
    rows = session.scalars(_of_payments(), {"payment_ids": list(payment_ids)})
    return {row.payment_id: row for row in rows}


@cache
def _of_payments() -> Select[Refund]:
    theirs = Refund.payment_id.in_(bindparam("payment_ids", expanding=True))
    return select(Refund).where(theirs).order_by(Refund.created_at)
