"""Every SELECT of timelines."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import TimelineEntry, TimelineKind

__all__ = ["TimelineEntry", "TimelineKind", "of_subscription"]  # the web names the kinds


def of_subscription(session: Session, subscription_id: uuid.UUID) -> list[TimelineEntry]:
    """Return what happened to a subscription, newest first; the caller has checked whose it is."""
    return list(
        session.scalars(
            select(TimelineEntry)
            .where(TimelineEntry.subscription_id == subscription_id)
            .order_by(TimelineEntry.at.desc(), TimelineEntry.id)
        )
    )
