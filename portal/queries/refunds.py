"""Every SELECT of refunds."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from portal.domain.end_requests import LEASE
from portal.domain.refunds import OPEN, RefundState
from portal.models import Refund


def open_of(session: Session, payment_id: uuid.UUID) -> Refund | None:
    """Return the payment's open refund, if there is one."""
    return session.scalars(select(Refund).where(Refund.payment_id == payment_id, Refund.state.in_(OPEN))).one_or_none()


def lock(session: Session, refund_id: uuid.UUID) -> Refund:
    """Return the refund, locked; the caller already holds its subscription's lock."""
    return session.scalars(
        select(Refund)
        .where(Refund.id == refund_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def subscription_of(session: Session, merchant_id: uuid.UUID, refund_id: uuid.UUID) -> uuid.UUID:
    """Return whose refund it is; raise NoResultFound for another merchant's."""
    return session.execute(
        select(Refund.subscription_id).where(Refund.id == refund_id, Refund.merchant_id == merchant_id)
    ).scalar_one()


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
    rows = session.scalars(select(Refund).where(Refund.payment_id.in_(payment_ids)).order_by(Refund.created_at))
    return {row.payment_id: row for row in rows}


def lock_waiting(session: Session, merchant_id: uuid.UUID) -> Sequence[Refund]:
    """Return those that wait for the merchant, locked; one that another process holds is being tried just now."""
    return session.scalars(
        select(Refund)
        .where(Refund.merchant_id == merchant_id, Refund.state == RefundState.NEEDS_MERCHANT)
        .order_by(Refund.created_at)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()


def lock_overdue(session: Session, *, late: datetime, now: datetime, limit: int) -> Sequence[Refund]:
    """Lock open refunds whose time passed before `late` and that no process holds."""
    return session.scalars(
        select(Refund)
        .where(Refund.state.in_(OPEN), func.coalesce(Refund.next_try_at, Refund.created_at) < late)
        .where(or_(Refund.claimed_at.is_(None), Refund.claimed_at < now - LEASE))
        .order_by(Refund.created_at)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
