"""What needs the merchant, of every kind, gathered from the rows that say so: there is no table of items to keep true.

Each source gives at most a page, from the place on.  The count in the navigation asks the same in one statement.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Integer, Select, func, literal_column, select, union_all
from sqlalchemy.orm import Session

from portal.models import Subscription, TimelineEntry
from portal.queries import named
from portal.queries.inbox import asked, erasures, found, renewals, strangers, withdrawn
from portal.queries.inbox.asked import missing_date
from portal.queries.inbox.items import EPOCH, PAGE, Item, Key, Kind, Place
from portal.queries.money import refunds as stored_refunds

__all__ = ["EPOCH", "Inbox", "Item", "Key", "Kind", "Place", "are_of", "count", "missing_date", "page"]

MOST_COUNTED: Final = 100  # more is not a number one reads
HISTORY: Final = 10  # facts of one subscription
BEGINNING: Final = Place()

SOURCES: Final[Mapping[Kind, Callable[[Session, uuid.UUID, datetime, Place], list[Item]]]] = {
    Kind.REQUEST: asked.requests,
    Kind.KEY: asked.keys,
    Kind.RECEIVED: asked.received,
    Kind.LOST: strangers.lost,
    Kind.DATE: asked.dates,
    Kind.PAUSE: asked.pauses,
    Kind.LATE_PAYMENT: found.late_money,
    Kind.REFUND: found.refunds,
    Kind.SETTLEMENT: found.settlements,
    Kind.DIFFERENCE: found.differences,
    Kind.END_SEEN: found.ends_seen,
    Kind.EVENT: found.events,
    Kind.MAIL: found.mails,
    Kind.MAIL_RETURNED: found.returned_mails,
    Kind.ADDRESS: found.held_addresses,
    Kind.ERASURE: erasures.waiting,
    Kind.RENEWAL: renewals.reminders,
    Kind.RENEWAL_REFUND: renewals.refunds,
    Kind.WITHDRAWAL: withdrawn.waiting,
}


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """One page of items, the next payment at risk first. `following` and `previous` are where to go on from."""

    items: tuple[Item, ...]
    following: Key | None = None
    previous: Key | None = None


def page(
    session: Session,
    merchant_id: uuid.UUID,
    *,
    now: datetime,
    place: Place = BEGINNING,
    kinds: Collection[Kind] | None = None,
) -> Inbox:
    """Return a page of what needs the merchant, of `kinds` alone where these are given.

    A broken key comes first, then money that was taken already, then the next payment at risk.
    """
    sources = [source for kind, source in SOURCES.items() if kinds is None or kind in kinds]
    items = [item for source in sources for item in source(session, merchant_id, now, place)]
    items.sort(key=lambda item: item.key, reverse=place.is_backwards)
    more, items = len(items) > PAGE, items[:PAGE]
    if place.is_backwards:
        items.reverse()
    about = {item.subscription_id for item in items if item.subscription_id is not None}
    given = named.give(session, [row for item in items for row in item.names], also=about)
    told = _histories(session, about)
    whole = (
        replace(item, subscription=given[item.subscription_id], history=tuple(told.get(item.subscription_id, ())))
        if item.subscription_id is not None
        else item
        for item in items
    )
    has_next, has_previous = (True, more) if place.is_backwards else (more, place.after is not None)
    return Inbox(
        items=tuple(whole),
        following=items[-1].key if items and has_next else None,
        previous=items[0].key if items and has_previous else None,
    )


def count(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> int:
    """Count them all in one statement, up to a hundred; requests that wait for a key alone are one with it."""
    return session.scalar(_count(), _given(merchant_id, now)) or 0


def _given(merchant_id: uuid.UUID, now: datetime) -> dict[str, object]:
    """Return what the statements of every kind are given."""
    since = {"news_since": found.news_since(now), "failed_since": stored_refunds.failed_since(now)}
    return {"merchant_id": merchant_id, "asked_before": erasures.asked_before(now), **since}


def subscriptions(merchant_id: uuid.UUID, now: datetime) -> Select[uuid.UUID]:
    """Return the ids of the subscriptions that something to do is about."""
    return _union(merchant_id, now, asked.about() + found.about() + renewals.about() + withdrawn.about())


def customers(merchant_id: uuid.UUID, now: datetime) -> Select[uuid.UUID]:
    """Return the ids of the customers whom something to do is about: themselves, or a subscription of theirs."""
    theirs = select(Subscription.customer_id).where(Subscription.id.in_(subscriptions(merchant_id, now)))
    return _union(merchant_id, now, (theirs, *found.about_customers(), *erasures.about_customers()))


def _union(merchant_id: uuid.UUID, now: datetime, kinds: tuple[Select[Any], ...]) -> Select[Any]:
    return select(union_all(*kinds).params(_given(merchant_id, now)).subquery())


@cache
def _count() -> Select[int]:
    """Built once: every page of the desk asks it."""
    kinds = asked.counted() + strangers.counted() + found.counted() + erasures.counted() + renewals.counted()
    kinds += withdrawn.counted()
    # The limit is written out: with one that is not known a plan for all merchants seems dear, and is made each time.
    most = literal_column(str(MOST_COUNTED), Integer)
    rows = union_all(*(select(kind.limit(most).subquery()) for kind in kinds)).limit(most)
    return select(func.count()).select_from(rows.subquery())


def _histories(session: Session, subscription_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[TimelineEntry]]:
    """Return the newest facts of each subscription, newest first."""
    if not subscription_ids:
        return {}
    place = func.row_number().over(
        partition_by=TimelineEntry.subscription_id, order_by=(TimelineEntry.at.desc(), TimelineEntry.id)
    )
    numbered = (
        select(TimelineEntry.id, place.label("place"))
        .where(TimelineEntry.subscription_id.in_(subscription_ids))
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


def are_of(session: Session, merchant_id: uuid.UUID, model: Any, ids: Collection[uuid.UUID]) -> bool:
    """Say whether each of these rows of one table is the merchant's, settled or not."""
    found = select(func.count()).select_from(model).where(model.merchant_id == merchant_id, model.id.in_(ids))
    return not ids or session.execute(found).scalar_one() == len(ids)
