"""Every SELECT that is the same for all rows that are carried to PayPal."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import LEASE
from portal.models import Merchant, Subscription
from portal.models.base import IsCarried
from portal.queries import subscriptions, surroundings
from portal.queries.aliases import with_list

NEEDS_MERCHANT: Final = "needs_merchant"  # one word in the states of each

R = TypeVar("R", bound=IsCarried)


def lock_whole(
    session: Session, row: type[R], merchant_id: uuid.UUID, row_id: uuid.UUID, *, with_payments: bool = False
) -> R:
    """Return the row with its subscription, whole: the subscription is locked, then the row, and both read after it.

    `with_payments`: they too, for whoever is about to write what PayPal shows, and writes each row once.
    Raises NoResultFound for another merchant's.
    """
    kind: Any = row  # to mypy no class is Hashable
    subscription_id = session.execute(_owner(kind), {"merchant_id": merchant_id, "row_id": row_id}).scalar_one()
    which = {"row_id": row_id, "subscription_id": subscription_id}
    found = session.execute(_whole(kind, with_payments=with_payments), which).unique().one()
    surroundings.note(session, subscription_id, found)
    return cast(R, found[0])


@cache
def _owner(row: type[IsCarried]) -> Select[uuid.UUID]:
    mine = row.id == bindparam("row_id"), row.merchant_id == bindparam("merchant_id")
    return subscriptions.holding(Subscription.id == select(row.subscription_id).where(*mine).scalar_subquery())


@cache
def _whole(row: type[IsCarried], *, with_payments: bool) -> Select[*tuple[Any, ...]]:
    seen = select(row, Merchant, *surroundings.columns()).join(Merchant, Merchant.id == row.merchant_id)
    whole = subscriptions.whole(seen, row.subscription, is_one=True)
    if with_payments:
        whole = with_list(whole, row.subscription, Subscription.payments)
    return (
        whole.where(row.id == bindparam("row_id"))
        .with_for_update(key_share=True, of=row)
        .execution_options(populate_existing=True)
    )


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
