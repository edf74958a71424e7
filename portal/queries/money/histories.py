"""Whose payments of the past are still to be read, and how far that is (services/arrivals/payment_histories)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.models import Provider, Subscription


class Progress(NamedTuple):
    """Of how many subscriptions, of all whose payments PayPal lists, the payments of the past are read."""

    read: int
    in_all: int


def lock_next(session: Session, *, now: datetime) -> Subscription | None:
    """Return the next one to be read, locked; None when nothing is due."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.history_due_at <= now)
        .order_by(Subscription.history_due_at)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    ).one_or_none()


def progress(session: Session, merchant_id: uuid.UUID) -> Progress | None:
    """Return how far the reading of a merchant's past payments is, None when nothing is left to read."""
    mine = Subscription.merchant_id == merchant_id
    left = session.execute(select(func.count()).where(mine, Subscription.history_due_at.is_not(None))).scalar_one()
    if not left:
        return None
    listed = Subscription.provider == Provider.PAYPAL_REST
    in_all = session.execute(select(func.count()).where(mine, listed)).scalar_one()
    return Progress(in_all - left, in_all)
