"""A worker beside those of a newer release: it leaves what it does not know to them, and stops where it is not wanted.

A job's kind is the name of its task; what it is given are the task's parameters.  Whoever changes them so that an older
worker would misread them gives the task another name.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Final

import structlog
from procrastinate import App
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from sqlalchemy.exc import SQLAlchemyError

from portal import releases
from portal.queries.operating.queued_jobs import UNKNOWN

if TYPE_CHECKING:
    from portal.services.context import Context

log = structlog.get_logger(__name__)

AGAIN: Final = 60  # seconds until a job with unknown parameters is looked at again
LOOKS_EVERY: Final = 30.0  # seconds between two looks at the schema
# The library's own `procrastinate_fetch_job_v2`, but for the names of the tasks that are known here.
FETCH: Final = """
    WITH candidate AS (
        SELECT jobs.id FROM procrastinate_jobs AS jobs
        WHERE jobs.status = 'todo'
            AND jobs.task_name = ANY(%(known)s::varchar[])
            AND (%(queues)s::varchar[] IS NULL OR jobs.queue_name = ANY(%(queues)s::varchar[]))
            AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            AND NOT EXISTS (
                SELECT 1 FROM procrastinate_jobs AS others
                WHERE jobs.lock IS NOT NULL AND others.lock = jobs.lock AND (
                    others.status = 'doing' OR others.status = 'todo' AND (
                        others.priority > jobs.priority OR others.priority = jobs.priority AND others.id < jobs.id
                    )
                )
            )
        ORDER BY jobs.priority DESC, jobs.id LIMIT 1
        FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs SET status = 'doing', worker_id = %(worker_id)s
    FROM candidate WHERE procrastinate_jobs.id = candidate.id
    RETURNING procrastinate_jobs.*
"""
LEAVE: Final = """
    UPDATE procrastinate_jobs
    SET status = 'todo', worker_id = NULL, scheduled_at = now() + make_interval(secs => %(again)s)
    WHERE id = %(id)s AND status = 'doing'
"""


class KnownJobs(JobManager):
    """Takes only jobs of tasks that this release has, with parameters that they take; no try of theirs is used up."""

    def __init__(self, app: App) -> None:
        super().__init__(connector=app.connector)
        self._tasks = app.tasks

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Return the next job to do, marked as this worker's; None when there is none."""
        given = {"queues": list(queues) if queues is not None else None, "worker_id": worker_id}
        while True:
            rows = await self.connector.execute_query_all_async(query=FETCH, known=list(self._tasks), **given)
            if not rows:
                return None
            job = Job.from_row(rows[0])
            if takes(self._tasks[job.task_name], job.task_kwargs):
                return job
            await self.connector.execute_query_async(query=LEAVE, id=job.id, again=AGAIN)
            log.warning("job_left_to_another_release", job_id=job.id, task=job.task_name)


def takes(task: Any, arguments: dict[str, Any]) -> bool:
    """Say whether a task's function has these parameters."""
    try:
        inspect.signature(task.func).bind(*([None] if task.pass_context else []), **arguments)
    except TypeError:
        return False
    return True


def left(context: Context, known: Collection[str]) -> int:
    """Return how many jobs are due that no task of these is for."""
    with context.db.read() as session:
        return int(session.scalar(UNKNOWN, {"known": list(known)}) or 0)


def refuse(context: Context, *, is_first: bool = True) -> None:
    """Raise Refused where this release must not work on the database.

    One that only reads is refused at the first look alone: later, a primary may be about to come back.
    """
    with context.db.read() as session:
        found = releases.look(session)
    why = releases.complaint(found) if is_first else releases.mismatch(found)
    if why:
        raise releases.Refused(why)


async def watch(context: Context) -> str:
    """Look at the schema now and then, until it is not for this release any more; return why.

    A database that is away, or reads only for a while, is none of this: it comes back.
    """
    while True:
        await asyncio.sleep(LOOKS_EVERY)
        try:
            why = await asyncio.to_thread(_mismatch, context)
        except SQLAlchemyError:
            continue
        if why:
            return why


def _mismatch(context: Context) -> str:
    with context.db.read() as session:
        return releases.mismatch(releases.look(session))
