"""Events for other systems, delivered beside the jobs: each endpoint has its own turn, and none waits for another.

One that answers quickly shares its lanes with its like; one that did not answer, or slowly, goes on apart, in lanes
of their own.  However many are dead or slow, they take nothing from the others but their first try.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog

from portal import queue
from portal.clock import utc_now
from portal.jobs import beside
from portal.logs import place_of
from portal.services.outgoing import access_events, event_deliveries

if TYPE_CHECKING:
    from portal.services.context import Context

log = structlog.get_logger(__name__)

QUICK_LANES: Final = 6  # endpoints at once, of one worker
SLOW_LANES: Final = 3


def deliver_all(context: Context) -> int:
    """Deliver what is due now; return how many tries were made."""
    tried = 0
    while access_events.follow(context, now=utc_now()):
        pass
    while due := event_deliveries.due(context, now=utc_now()):
        made = sum(event_deliveries.drain(context, endpoint, now=utc_now()).tried for endpoint in due)
        if not made:
            break  # somebody else has what is due
        tried += made
    return tried


@asynccontextmanager
async def delivering(context: Context) -> AsyncIterator[None]:
    """Deliver what is due and what comes, until the block ends; batches that are under way then are finished."""
    watching = beside.running(_watch(context))
    with ThreadPoolExecutor(QUICK_LANES + SLOW_LANES + 1, thread_name_prefix="deliver") as threads:
        async with watching, beside.running(_Lanes(context, threads).run()):
            yield


async def _watch(context: Context) -> None:
    """Tell what opens and closes, as its day comes."""
    while True:
        looked_at = await asyncio.to_thread(_look, context)
        if not looked_at:
            await asyncio.sleep(queue.POLL)


def _look(context: Context) -> int:
    try:
        return access_events.follow(context, now=utc_now())
    except Exception as error:  # the database is away, or one of them is locked: they are looked for again
        log.warning("access_not_looked_at", error=type(error).__name__, place=place_of(error))
        return 0


class _Lanes:
    """Who is called now, and who was found to be slow."""

    def __init__(self, context: Context, threads: ThreadPoolExecutor) -> None:
        self.context, self.threads = context, threads
        self.loop = asyncio.get_running_loop()
        self.under_way = dict[uuid.UUID, asyncio.Future[bool]]()
        self.troubled = set[uuid.UUID]()

    async def run(self) -> None:
        """Look each second, and whenever a lane becomes free, for ever."""
        while True:
            for endpoint_id in self._chosen(await self.loop.run_in_executor(self.threads, self._due)):
                self.under_way[endpoint_id] = self.loop.run_in_executor(self.threads, self._batch, endpoint_id)
            if self.under_way:
                waited = asyncio.wait(self.under_way.values(), timeout=queue.POLL, return_when=asyncio.FIRST_COMPLETED)
                await waited
            else:
                await asyncio.sleep(queue.POLL)
            self._note()

    def _chosen(self, due: list[uuid.UUID]) -> list[uuid.UUID]:
        """Return whom to call now: drawn by lot, the quick and the slow ones each for their own free lanes."""
        free = [one for one in random.sample(due, len(due)) if one not in self.under_way]
        slow = sum(one in self.troubled for one in self.under_way)
        quick = len(self.under_way) - slow
        return [one for one in free if one not in self.troubled][: QUICK_LANES - quick] + [
            one for one in free if one in self.troubled
        ][: SLOW_LANES - slow]

    def _note(self) -> None:
        for endpoint_id, batch in list(self.under_way.items()):
            if batch.done():
                del self.under_way[endpoint_id]
                (self.troubled.add if batch.result() else self.troubled.discard)(endpoint_id)

    def _due(self) -> list[uuid.UUID]:
        try:
            return event_deliveries.due(self.context, now=utc_now())
        except Exception as error:  # the database is away: it is looked for again
            log.warning("deliveries_failed", error=type(error).__name__, place=place_of(error))
            return []

    def _batch(self, endpoint_id: uuid.UUID) -> bool:
        """Return whether it belongs among the slow ones."""
        try:
            return event_deliveries.drain(self.context, endpoint_id, now=utc_now()).is_troubled
        except Exception as error:
            about = {"endpoint_id": str(endpoint_id), "error": type(error).__name__, "place": place_of(error)}
            log.warning("delivery_failed", **about)
            return True
