"""Make lists of the desk as files, and forget them in time."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services import list_exports

TRY_AGAIN = RetryStrategy(max_attempts=5, exponential_wait=4)


@queue.app.task(name=queue.EXPORT_LIST, pass_context=True, retry=TRY_AGAIN)
def make_list(job: JobContext, export_id: str) -> None:
    """Make one file."""
    list_exports.make(job.additional_context["portal"], uuid.UUID(export_id), now=utc_now())


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="list_exports.keep", pass_context=True, queueing_lock="list_exports.keep")
def keep_lists(job: JobContext, timestamp: int) -> None:
    """Forget what was ready for long enough, and go on with what nobody makes any more."""
    list_exports.purge(job.additional_context["portal"], now=utc_now())
    list_exports.sweep(job.additional_context["portal"], now=utc_now())
