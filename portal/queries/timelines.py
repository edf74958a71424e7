"""Every SELECT of timelines."""

from __future__ import annotations

import uuid
from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import Subscription, TimelineEntry, TimelineKind

__all__ = ["TimelineEntry", "TimelineKind", "all_of_customer", "of_subscription"]  # the web names the kinds


def of_subscription(session: Session, subscription_id: uuid.UUID) -> list[TimelineEntry]:
    """Return what happened to a subscription, newest first; the caller has checked whose it is."""
    return list(
        session.scalars(
            select(TimelineEntry)
            .where(TimelineEntry.subscription_id == subscription_id)
            .order_by(TimelineEntry.at.desc(), TimelineEntry.id)
        )
    )


def all_of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID
) -> dict[uuid.UUID, list[TimelineEntry]]:
    """Return the timelines of all the customer's subscriptions, by subscription, each newest first."""
    rows = session.scalars(
        select(TimelineEntry)
        .join(Subscription, TimelineEntry.subscription_id == Subscription.id)
        .where(Subscription.merchant_id == merchant_id, Subscription.customer_id == customer_id)
        .order_by(TimelineEntry.at.desc(), TimelineEntry.id)
    )
    grouped: dict[uuid.UUID, list[TimelineEntry]] = defaultdict(list)
    for entry in rows:
        grouped[entry.subscription_id].append(entry)
    return dict(grouped)
