"""Each job's one line in the log, with its id beside every line it makes meanwhile; and its part of the figures."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from procrastinate import JobContext

from portal import logs, metrics, queue

log = structlog.get_logger(__name__)


async def watch(run: Callable[[], Awaitable[Any]], job: JobContext, _worker: object) -> Any:
    """Run a job. Who put it named its id in a line of its own (`jobs_put`): so a call to PayPal leads to a click."""
    about = job.job
    logs.begin(job_id=about.id, task=about.task_name)
    started, outcome = time.perf_counter(), "done"
    try:
        return await run()
    except BaseException as error:
        outcome = _outcome(job, error)
        raise
    finally:
        spent = time.perf_counter() - started
        rank = queue.rank_name(about.priority)
        metrics.job(about.task_name, rank, outcome, spent)
        log.info("job", rank=rank, outcome=outcome, ms=round(spent * 1000, 1), **logs.jobs_put())


def _outcome(job: JobContext, error: BaseException) -> str:
    if not isinstance(error, Exception):  # asked to stop: another worker takes it
        return "retried"
    task = job.app.tasks.get(job.job.task_name)
    return "retried" if task is not None and task.get_retry_exception(exception=error, job=job.job) else "failed"
