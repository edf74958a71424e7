"""Counting tries: so many per address and per network in a window of time, for all processes together.

A limit slows guessing and floods down; it never says whether an address is known, because every
typed address is counted alike.  Keys are hashed: no address is kept here.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.models import Throttle
from portal.services.batches import delete_all
from portal.services.context import Context


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `count` tries of `name` by one `who` in a fixed window of time."""

    name: str
    who: str
    count: int
    window: timedelta

    @property
    def key(self) -> str:
        """Return the row's key; it does not reveal who."""
        return f"{self.name}:{hashlib.sha256(self.who.encode()).hexdigest()[:40]}"

    def start(self, now: datetime) -> datetime:
        """Return when the window that holds `now` began."""
        seconds = int(self.window.total_seconds())
        return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)


OF_MERCHANT: Final = 2_000  # mails in a day


def mails_of(merchant_id: uuid.UUID) -> Limit:
    """Bound what a merchant's team and customers cause one by one, in a day: mailed links, people invited.

    Nothing that is owed is counted, nor a log-in code: whoever spends this up must shut nobody out.
    """
    return Limit(name="merchant_mails", who=str(merchant_id), count=OF_MERCHANT, window=timedelta(days=1))


class TooManyTries(Exception):
    """A limit is reached; `wait` is the time until its window ends."""

    def __init__(self, name: str, wait: timedelta) -> None:
        super().__init__(f"limit {name} reached")
        self.name = name
        self.wait = wait


def hit(ctx: Context, *limits: Limit, now: datetime) -> None:
    """Count one try against every limit, in a transaction of its own; raise TooManyTries beyond any of them."""
    over: list[TooManyTries] = []
    with ctx.db.begin() as session:
        for limit in sorted(limits, key=lambda limit: limit.key):  # one order everywhere: no deadlock
            if count(session, limit, now=now) > limit.count:
                over.append(TooManyTries(limit.name, limit.start(now) + limit.window - now))
    if over:
        raise max(over, key=lambda refusal: refusal.wait)


def count(session: Session, limit: Limit, *, now: datetime) -> int:
    """Count one try in the caller's transaction and return how many there are in its window."""
    row = insert(Throttle).values(key=limit.key, window_start=limit.start(now), count=1)
    counted = row.on_conflict_do_update(
        index_elements=["key", "window_start"], set_={"count": Throttle.count + 1}
    ).returning(Throttle.count)
    return session.execute(counted).scalar_one()


def is_spent(session: Session, limit: Limit, *, now: datetime) -> bool:
    """Say whether the limit was already reached, without counting a try."""
    row = session.get(Throttle, (limit.key, limit.start(now)))
    return row is not None and row.count >= limit.count


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete windows that began before `before`; return how many."""
    return delete_all(ctx.db, Throttle, Throttle.window_start < before)
