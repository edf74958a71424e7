"""Tasks: thin, they pick up work, call a service and isolate failures. `flask work` runs them.

A task that fails is tried again with growing waits; a worker that died leaves a stalled job,
which `housekeeping` gives back to the queue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import psycopg
import structlog
from procrastinate import App, PsycopgConnector, signals
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import SQLAlchemyError

from portal import queue
from portal.jobs import (
    beside,
    bulk_acts,
    comebacks,
    comparisons,
    declarations,
    end_requests,
    event_deliveries,
    events,
    figures,
    file_imports,
    hearing,
    housekeeping,
    imports,
    list_exports,
    mails,
    merchant_archives,
    own_data,
    pauses,
    paypal_keys,
    profile_imports,
    refunds,
    renewals,
    settlements,
    subscriptions,
    watching,
    webhooks,
)
from portal.jobs import releases as own_release
from portal.postgres import connecting
from portal.releases import Refused

if TYPE_CHECKING:
    from portal.services.context import Context

__all__ = [
    "bulk_acts",
    "comebacks",
    "comparisons",
    "declarations",
    "end_requests",
    "event_deliveries",
    "events",
    "figures",
    "file_imports",
    "housekeeping",
    "imports",
    "list_exports",
    "mails",
    "merchant_archives",
    "own_data",
    "pauses",
    "paypal_keys",
    "profile_imports",
    "refunds",
    "renewals",
    "run_worker",
    "settlements",
    "subscriptions",
    "webhooks",
]

log = structlog.get_logger(__name__)

HEARTBEAT = 5.0  # seconds between two signs of life of a worker
DEAD_AFTER = 20.0  # seconds without one: its jobs are taken over
PAUSE = 3.0  # seconds before the database is tried again


def run_worker(
    context: Context,
    *,
    wait: bool = True,
    concurrency: int = queue.CONCURRENCY,
    lanes: Collection[str] = queue.LANES,
) -> None:
    """Run jobs, drain messages and deliver events until stopped, as far as these are its lanes.

    `wait=False`: only what is due, of every lane.

    SIGTERM finishes what is running.

    A database that goes away does not end the worker: it comes back as soon as the database does.  Raises Refused when
    the database is, or becomes, another release's.
    """
    if not wait:
        _run_due(context, concurrency=concurrency)
        return
    is_first = True
    while True:
        try:
            own_release.refuse(context, is_first=is_first)
            is_first = False
            if _run(context, wait=True, concurrency=concurrency, lanes=lanes):
                return
            log.warning("worker_stopped_unasked")
        except (ConnectorException, psycopg.Error, SQLAlchemyError) as error:
            log.warning("worker_lost_the_database", error=type(error).__name__)
        time.sleep(PAUSE)


def _run_due(context: Context, *, concurrency: int) -> None:
    """Do what is due: messages lead to jobs, and a key that a job tested lets messages be tried again."""
    events.drain_all(context)
    _run(context, wait=False, concurrency=concurrency)
    while events.drain_all(context):
        _run(context, wait=False, concurrency=concurrency)
    event_deliveries.deliver_all(context)


def _run(context: Context, *, wait: bool, concurrency: int, lanes: Collection[str] = queue.LANES) -> bool:
    with queue.app.replace_connector(PsycopgConnector(kwargs=connecting(context.db.url))) as app:
        return asyncio.run(_work(app, context, wait=wait, concurrency=concurrency, lanes=lanes))


async def _work(app: App, context: Context, *, wait: bool, concurrency: int, lanes: Collection[str]) -> bool:
    """Run jobs; return whether somebody asked to stop: the library also stops by itself when it loses the database."""
    asked, running = False, asyncio.current_task()
    why = ""
    app.job_manager = own_release.KnownJobs(app)

    def stop() -> None:
        nonlocal asked
        asked = True
        if running is not None:
            running.cancel()  # the worker finishes what it does, then lets go

    async def stop_when_not_wanted() -> None:
        nonlocal why
        why = await own_release.watch(context)
        log.error("worker_of_another_release", why=why)
        stop()

    with signals.on_stop(stop) if wait else nullcontext():
        try:
            seeing = beside.running(stop_when_not_wanted()) if wait else nullcontext()
            async with app.open_async(), seeing, _beside(context, lanes) if wait else nullcontext():
                await app.run_worker_async(
                    queues=queue.queues_of(lanes),  # type: ignore[arg-type]  # None is its own default
                    concurrency=concurrency,
                    wait=wait,
                    additional_context={"portal": context},
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=DEAD_AFTER,
                    shutdown_graceful_timeout=25,
                    fetch_job_polling_interval=queue.POLL,
                    install_signal_handlers=False,
                    worker_middleware=[watching.watch],
                )
        except asyncio.CancelledError:
            if not asked:
                raise
    if why:
        raise Refused(why)
    return asked


@asynccontextmanager
async def _beside(context: Context, lanes: Collection[str]) -> AsyncIterator[None]:
    """What a worker does beside its jobs for as long as it lives."""
    draining = events.draining(context) if queue.Lane.MESSAGES in lanes else nullcontext()
    delivering = event_deliveries.delivering(context) if queue.Lane.EVENTS in lanes else nullcontext()
    async with draining, delivering, beside.running(hearing.listen(context)):
        yield
