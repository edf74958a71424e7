"""Every SELECT that chooses the subscriptions of a bulk act: those ticked; all that the desk's list
finds are found by its filter (subscription_filters.py)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session

from portal.models import BulkRowState, Subscription


def among(merchant_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> Select[uuid.UUID]:
    """Return those of the ids that are the merchant's own."""
    return select(Subscription.id).where(Subscription.merchant_id == merchant_id, Subscription.id.in_(ids))


def count(session: Session, chosen: Select[uuid.UUID]) -> int:
    """Count what a choice finds."""
    return session.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()


def rows_of(act_id: uuid.UUID, chosen: Select[uuid.UUID]) -> Select[*tuple[Any, ...]]:
    """Return a choice as the rows of an act, in the list's order: id, act, position, subscription, state, reason."""
    place = func.row_number().over(order_by=(Subscription.created_at.desc(), Subscription.id.desc()))
    state, reason = literal(BulkRowState.WAITING.value), literal("")
    rows = select(func.gen_random_uuid(), literal(act_id), place, Subscription.id, state, reason)
    return rows.where(Subscription.id.in_(select(chosen.subquery())))
