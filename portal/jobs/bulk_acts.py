"""The workers' part of an act on many subscriptions."""

from __future__ import annotations

import uuid

import structlog
from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services.bulk import bulk_choices, bulk_running

log = structlog.get_logger(__name__)

GOES_ON = 5.0  # seconds that a job does further rows: a worker that is asked to stop waits for it
TRY_AGAIN = RetryStrategy(max_attempts=5, exponential_wait=4)  # for our own failures: PayPal's are planned


@queue.app.task(name=queue.PREPARE_BULK_ACT, pass_context=True, retry=TRY_AGAIN)
def prepare_bulk_act(job: JobContext, act_id: str) -> None:
    """Gather and count what an act is about."""
    bulk_choices.prepare(job.additional_context["portal"], uuid.UUID(act_id), now=utc_now())


@queue.app.task(name=queue.PLAN_BULK_ACT, pass_context=True, retry=TRY_AGAIN)
def plan_bulk_act(job: JobContext, act_id: str, turn: int) -> None:
    """Give rows of one act to workers, and come back."""
    bulk_running.plan(job.additional_context["portal"], uuid.UUID(act_id), turn, now=utc_now())


@queue.app.task(name=queue.RUN_BULK_ROW, pass_context=True, retry=TRY_AGAIN)
def run_bulk_row(job: JobContext, row_id: str) -> None:
    """Do one row of an act, and the next ones for some seconds."""
    bulk_running.run_row(job.additional_context["portal"], uuid.UUID(row_id), seconds=GOES_ON)


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="bulk_acts.sweep", pass_context=True, priority=queue.HOUSEKEEPING, queueing_lock="bulk_acts.sweep")
def sweep(job: JobContext, timestamp: int) -> None:
    """Go on where a job was lost."""
    context, now = job.additional_context["portal"], utc_now()
    found = bulk_running.sweep(context, now=now) + bulk_choices.sweep(context, now=now)
    if found:
        log.warning("bulk_acts_without_a_job", count=found)


@queue.app.periodic(cron="15 3 * * *")
@queue.app.task(name="bulk_acts.purge", pass_context=True, queueing_lock="bulk_acts.purge")
def purge(job: JobContext, timestamp: int) -> None:
    """Forget the drafts that nobody confirmed."""
    bulk_choices.purge(job.additional_context["portal"], now=utc_now())
