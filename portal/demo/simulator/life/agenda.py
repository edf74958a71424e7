"""What time will do next: a heap, so that a call to the simulator does not walk through every subscription."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from heapq import heapify, heappop, heappush

from portal.demo.simulator.life.happenings import due
from portal.demo.simulator.records import Subscription


class Agenda:
    """Due times by subscription. An entry may be out of date: the subscription itself is asked again when it is up."""

    def __init__(self, rows: Iterable[Subscription] = ()) -> None:
        self._entries = [(at, row.id) for row in rows if (at := due(row)) is not None]
        heapify(self._entries)

    def note(self, row: Subscription) -> None:
        """Remember when this one, new or changed, falls due."""
        at = due(row)
        if at is not None:
            heappush(self._entries, (at, row.id))

    def take(self, rows: Mapping[str, Subscription], *, now: datetime) -> Subscription | None:
        """Return the one that is due longest, and forget it until it is noted again; None when none is."""
        while self._entries and self._entries[0][0] <= now:
            row = rows.get(heappop(self._entries)[1])
            at = due(row) if row else None
            if row and at and at <= now:
                return row
            if row and at:
                heappush(self._entries, (at, row.id))
        return None
