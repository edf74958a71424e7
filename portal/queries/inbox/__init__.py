"""What needs the merchant, of every kind, gathered from the rows that say so: there is no table of items to keep true.

Each source gives at most LIMIT items.  The count in the navigation asks the same conditions in one statement.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from portal.models import TimelineEntry
from portal.queries.inbox import asked, found
from portal.queries.inbox.asked import missing_date
from portal.queries.inbox.items import LIMIT, Item, Kind

__all__ = ["LIMIT", "Inbox", "Item", "Kind", "count", "everything", "missing_date"]

MOST_COUNTED: Final = 100  # more is not a number one reads
HISTORY: Final = 10  # facts of one subscription

SOURCES: Final[tuple[Callable[[Session, uuid.UUID, datetime], list[Item]], ...]] = (
    asked.requests,
    asked.keys,
    asked.received,
    asked.dates,
    asked.pauses,
    found.late_money,
    found.differences,
    found.ends_seen,
    found.events,
    found.mails,
)


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """All items, the next payment at risk first; `is_cut` when a kind has more than are shown."""

    items: tuple[Item, ...]
    is_cut: bool


def everything(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> Inbox:
    """Return what needs the merchant: money taken already first, then by the next payment at risk."""
    by_source = [source(session, merchant_id, now) for source in SOURCES]
    items = sorted((item for items in by_source for item in items), key=_order)
    told = _histories(session, [item.subscription.id for item in items if item.subscription is not None])
    return Inbox(
        items=tuple(
            replace(item, history=tuple(told.get(item.subscription.id, ()))) if item.subscription is not None else item
            for item in items
        ),
        is_cut=any(len(items) >= LIMIT for items in by_source),
    )


def count(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> int:
    """Count them all in one statement, up to a hundred; requests that wait for a key alone are one with it."""
    kinds = asked.counted(merchant_id) + found.counted(merchant_id, now)
    rows = union_all(*(select(kind.limit(MOST_COUNTED).subquery()) for kind in kinds)).limit(MOST_COUNTED)
    return session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _order(item: Item) -> tuple[bool, bool, float, datetime]:
    at = item.at_risk_at
    return not item.is_money_taken, at is None, at.timestamp() if at is not None else 0.0, item.since


def _histories(session: Session, subscription_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[TimelineEntry]]:
    """Return the newest facts of each subscription, newest first."""
    if not subscription_ids:
        return {}
    place = func.row_number().over(
        partition_by=TimelineEntry.subscription_id, order_by=(TimelineEntry.at.desc(), TimelineEntry.id)
    )
    numbered = (
        select(TimelineEntry.id, place.label("place"))
        .where(TimelineEntry.subscription_id.in_(set(subscription_ids)))
        .subquery()
    )
    rows = session.scalars(
        select(TimelineEntry)
        .join(numbered, numbered.c.id == TimelineEntry.id)
        .where(numbered.c.place <= HISTORY)
        .order_by(TimelineEntry.at.desc(), TimelineEntry.id)
    )
    told: dict[uuid.UUID, list[TimelineEntry]] = {}
    for entry in rows:
        told.setdefault(entry.subscription_id, []).append(entry)
    return told
