"""Make lists of the desk as files, and forget them in time."""

from __future__ import annotations

from procrastinate import JobContext

from portal import queue
from portal.clock import utc_now
from portal.jobs.last_tries import TRY_AGAIN, carry
from portal.services import list_exports


@queue.app.task(name=queue.EXPORT_LIST, pass_context=True, retry=TRY_AGAIN)
def make_list(job: JobContext, export_id: str) -> None:
    """Make one file."""
    carry(job, list_exports.make, list_exports.give_up, export_id)


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="list_exports.keep", pass_context=True, queueing_lock="list_exports.keep")
def keep_lists(job: JobContext, timestamp: int) -> None:
    """Forget what was ready for long enough, and go on with what nobody makes any more."""
    list_exports.purge(job.additional_context["portal"], now=utc_now())
    list_exports.sweep(job.additional_context["portal"], now=utc_now())
