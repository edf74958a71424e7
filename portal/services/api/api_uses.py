"""How often a key, and all of a merchant together, are used: counted here, put together in the database each second.

A write at every call would cost more than the answer.  So a limit is exact within what the processes together answer
in a second, and never counts less than one process alone has answered.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from portal.domain.integrations.api_keys import MOST_PER_MINUTE
from portal.domain.law.retention import OPERATOR, Stock
from portal.models import ApiKey, ApiUse
from portal.queries.integrations import api_keys
from portal.services.batches import delete_all
from portal.services.context import Context

WINDOW: Final = timedelta(minutes=1)
TOGETHER: Final = timedelta(seconds=1)  # so often a process tells its count, and hears the others'
KEPT: Final = OPERATOR[Stock.USES]


@dataclass
class _Count:
    """What this process knows of the present minute of a key, or of a merchant's keys together."""

    minute: datetime
    told: int = 0  # of all processes, when the count was last put together
    untold: int = 0  # of this one since
    told_at: datetime | None = None

    @property
    def total(self) -> int:
        return self.told + self.untold


@dataclass(frozen=True)
class Use:
    """Where a key stands in the present minute: how many calls are left, and when it begins anew, in seconds."""

    limit: int
    left: int
    resets_in: int
    is_over: bool
    is_of_all: bool = False  # over by what all keys of the merchant may make together


class Uses:
    """The counts of one process. `most`: what all keys of a merchant may make in a minute together."""

    def __init__(self, most: int = MOST_PER_MINUTE) -> None:
        self._most = most
        self._counts: dict[uuid.UUID, _Count] = {}
        self._lock = threading.Lock()

    def take(self, key_id: uuid.UUID, limit: int, *, of: uuid.UUID, now: datetime) -> Use:
        """Count one call of a merchant's key; one beyond its limit, or the merchant's, is refused, not counted."""
        minute, resets_in = now.replace(second=0, microsecond=0), 60 - now.second
        with self._lock:
            own, every = self._of(key_id, minute), self._of(of, minute)
            if own.total < limit and every.total >= self._most:
                return Use(self._most, 0, resets_in, is_over=True, is_of_all=True)
            is_over = own.total >= limit
            if not is_over:
                own.untold += 1
                every.untold += 1
            return Use(limit, max(0, limit - own.total), resets_in, is_over)

    def _of(self, whose: uuid.UUID, minute: datetime) -> _Count:
        count = self._counts.get(whose)
        if count is None or count.minute != minute:
            count = self._counts[whose] = _Count(minute)
        return count

    def put_together(self, ctx: Context, key_id: uuid.UUID, *, of: uuid.UUID, now: datetime) -> None:
        """Tell the database of what was counted here, at most once a second, and learn what others counted."""
        with self._lock:
            count = self._counts.get(key_id)
            if count is None or not count.untold or (count.told_at is not None and now - count.told_at < TOGETHER):
                return
            untold, count.untold, count.told_at = count.untold, 0, now
            count.told += untold
        row = insert(ApiUse).values(key_id=key_id, minute=count.minute, count=untold)
        counted = row.on_conflict_do_update(
            index_elements=["key_id", "minute"], set_={"count": ApiUse.count + untold}
        ).returning(ApiUse.count)
        with ctx.db.begin() as session:
            total = session.execute(counted).scalar_one()
            session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now))
            together = api_keys.calls_of_minute(session, of, count.minute)
        with self._lock:
            count.told = max(total, count.told)
            every = self._counts[of]
            if every.minute == count.minute:
                every.untold -= untold
                every.told = max(together, every.told + untold)


def purge(ctx: Context, *, now: datetime) -> int:
    """Delete the counts of minutes that are long over; return how many."""
    return delete_all(ctx.db, ApiUse, ApiUse.minute < now - KEPT)
