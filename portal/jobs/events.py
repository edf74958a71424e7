"""PayPal's messages, drained beside the jobs: they have none, so a worker looks for merchants whose messages are due.

Several merchants are drained side by side, each a batch at a time and in turn: many messages of one, or a PayPal that
does not answer for one, keep nobody else's waiting for long.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog

from portal import logs, queue
from portal.clock import utc_now
from portal.jobs import beside
from portal.logs import place_of
from portal.services.messages import drains

if TYPE_CHECKING:
    from portal.services.context import Context

log = structlog.get_logger(__name__)

MERCHANTS: Final = 4  # at once, of one worker
REMEMBERED: Final = 10_000  # turns: whoever had none for so long is as if they never had one
PAUSE: Final = 3.0  # seconds that a failure of ours holds a merchant's place


def drain_all(context: Context) -> int:
    """Handle everything that is due; return how many messages were taken."""
    taken = 0
    while due := drains.merchants_due(context, now=utc_now()):
        taken += sum(drains.drain(context, merchant_id, now=utc_now()) for merchant_id in due)
    return taken


@asynccontextmanager
async def draining(context: Context) -> AsyncIterator[None]:
    """Drain what is due and what comes, until the block ends; batches that are under way then are finished."""
    with ThreadPoolExecutor(MERCHANTS, thread_name_prefix="drain") as threads:
        async with beside.running(_drain(context, threads)):
            yield


class Turns:
    """Who is next: whoever had their turn longest ago, by lot among equals (several workers begin at the same time)."""

    def __init__(self) -> None:
        self._taken = dict[uuid.UUID, int]()
        self._turn = 0

    def take(self, due: Collection[uuid.UUID], *, places: int) -> list[uuid.UUID]:
        """Return whose turn it is, as many as there are places; they come last from here on."""
        self._taken = {one: turn for one, turn in self._taken.items() if self._turn - turn < REMEMBERED}
        drawn = sorted(random.sample(list(due), len(due)), key=lambda one: self._taken.get(one, 0))[:places]
        for one in drawn:
            self._turn += 1
            self._taken[one] = self._turn
        return drawn


async def _drain(context: Context, threads: ThreadPoolExecutor) -> None:
    loop, under_way = asyncio.get_running_loop(), dict[uuid.UUID, asyncio.Future[None]]()
    turns = Turns()
    while True:
        due = [] if len(under_way) == MERCHANTS else await loop.run_in_executor(threads, _due, context)
        free = [merchant_id for merchant_id in due if merchant_id not in under_way]
        for merchant_id in turns.take(free, places=MERCHANTS - len(under_way)):
            under_way[merchant_id] = loop.run_in_executor(threads, _batch, context, merchant_id)
        if under_way:
            await asyncio.wait(under_way.values(), timeout=queue.POLL, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(queue.POLL)
        under_way = {merchant_id: one for merchant_id, one in under_way.items() if not one.done()}


def _due(context: Context) -> list[uuid.UUID]:
    try:
        # What PayPal says waits as it came: applied to a restored database, it would count for more than the journal.
        return [] if context.must_rest else drains.merchants_due(context, now=utc_now())
    except Exception as error:  # the database is away: it is looked for again
        log.warning("drain_failed", error=type(error).__name__, place=place_of(error))
        return []


def _batch(context: Context, merchant_id: uuid.UUID) -> None:
    logs.begin(batch=uuid.uuid4().hex[:12], merchant_id=str(merchant_id))
    try:
        if not drains.drain(context, merchant_id, now=utc_now()):
            time.sleep(queue.POLL)  # somebody else has what is due
    except Exception as error:
        log.warning("drain_failed", merchant_id=str(merchant_id), error=type(error).__name__, place=place_of(error))
        time.sleep(PAUSE)
