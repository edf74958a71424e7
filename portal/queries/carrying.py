"""Every SELECT that is the same for all rows that are carried to PayPal."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import ScalarSelect, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.end_requests import LEASE
from portal.models.base import IsCarried

NEEDS_MERCHANT: Final = "needs_merchant"  # one word in the states of each

R = TypeVar("R", bound=IsCarried)


def subscription_of(row: type[R], merchant_id: uuid.UUID, row_id: uuid.UUID) -> ScalarSelect[uuid.UUID]:
    """Return the question whose it is, to be asked with the lock of that subscription; none for another merchant's."""
    return select(row.subscription_id).where(row.id == row_id, row.merchant_id == merchant_id).scalar_subquery()


def lock(session: Session, row: type[R], row_id: uuid.UUID) -> R:
    """Return the row, locked; the caller already holds its subscription's lock."""
    statement = select(row).where(row.id == row_id).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def lock_waiting(session: Session, row: type[R], merchant_id: uuid.UUID) -> Sequence[R]:
    """Lock what waits for the merchant; one that is held is being tried just now and is left out."""
    return session.scalars(
        select(row)
        .where(row.merchant_id == merchant_id, row.state == NEEDS_MERCHANT)
        .order_by(row.created_at)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()


def lock_overdue(session: Session, row: type[R], *, late: datetime, now: datetime, limit: int) -> Sequence[R]:
    """Lock open rows whose time passed before `late` and that no process holds."""
    time = func.coalesce(*(getattr(row, name) for name in row.times))
    return session.scalars(
        select(row)
        .where(row.state.in_(row.open_states), time < late)
        .where(or_(row.claimed_at.is_(None), row.claimed_at < now - LEASE))
        .order_by(row.created_at)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
