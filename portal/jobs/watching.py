"""Each job's one line in the log, with its id beside every line it makes meanwhile; and its part of the figures.

And whether what the clock plans is done at all: not by what a restored backup remembers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from procrastinate import JobContext

from portal import logs, metrics, queue

log = structlog.get_logger(__name__)

# What goes on while a restored database waits for its recovery. All else that comes by the clock would remind, close
# and erase by what the backup remembers, and what was changed since a restore counts more than the journal.
GOES_ON: Final = frozenset({"housekeeping.stalled_jobs", "housekeeping.left_jobs", "housekeeping.journal"})
# What rests with it though a row asked for it: it goes by that row, which may have been settled since the backup.  The
# sweeps, which rest as well, give each a job anew.  What is carried to PayPal or by mail asks the gate itself.
RESTS: Final = frozenset({queue.DECIDE_DECLARATION, queue.PLAN_BULK_ACT, queue.RUN_BULK_ROW, queue.RUN_FILE_IMPORT})


async def watch(run: Callable[[], Awaitable[Any]], job: JobContext, _worker: object) -> Any:
    """Run a job. Who put it named its id in a line of its own (`jobs_put`): so a call to PayPal leads to a click."""
    about = job.job
    logs.begin(job_id=about.id, task=about.task_name)
    started, outcome = time.perf_counter(), "done"
    try:
        if await _waits(job):
            outcome = "put_off"
            return None
        return await run()
    except BaseException as error:
        outcome = _outcome(job, error)
        raise
    finally:
        spent = time.perf_counter() - started
        rank = queue.rank_name(about.priority)
        metrics.job(about.task_name, rank, outcome, spent)
        log.info("job", rank=rank, outcome=outcome, ms=round(spent * 1000, 1), **logs.jobs_put())


async def _waits(job: JobContext) -> bool:
    """Say whether it is one that comes again, and the database has to be recovered first."""
    by_clock, name = {name for name, _periodic in job.app.periodic_registry.periodic_tasks}, job.job.task_name
    if name in by_clock - GOES_ON:
        return await asyncio.to_thread(lambda: job.additional_context["portal"].is_shut)
    return name in RESTS and await asyncio.to_thread(lambda: job.additional_context["portal"].must_rest)


def _outcome(job: JobContext, error: BaseException) -> str:
    if not isinstance(error, Exception):  # asked to stop: another worker takes it
        return "retried"
    task = job.app.tasks.get(job.job.task_name)
    return "retried" if task is not None and task.get_retry_exception(exception=error, job=job.job) else "failed"
