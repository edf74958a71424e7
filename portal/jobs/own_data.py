"""Customers' own data: the archive that one asked for, what is to be erased, and what was kept for long enough."""

from __future__ import annotations

from procrastinate import JobContext

from portal import queue
from portal.clock import utc_now
from portal.jobs.last_tries import TRY_AGAIN, carry
from portal.services.own_data import customer_erasures, data_exports, retention


@queue.app.task(name=queue.EXPORT_DATA, pass_context=True, retry=TRY_AGAIN)
def export_data(job: JobContext, export_id: str) -> None:
    """Make one archive."""
    carry(job, data_exports.make, data_exports.give_up, export_id)


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="own_data.erasures", pass_context=True, queueing_lock="own_data.erasures")
def carry_on_erasures(job: JobContext, timestamp: int) -> None:
    """Carry every customer's erasure on, as far as nothing waits."""
    customer_erasures.run(job.additional_context["portal"], now=utc_now())


@queue.app.periodic(cron="45 3 * * *")
@queue.app.task(name="own_data.retention", pass_context=True, queueing_lock="own_data.retention")
def apply_retention(job: JobContext, timestamp: int) -> None:
    """Let go of what was kept for as long as the table says, and write how much it was."""
    retention.run(job.additional_context["portal"], now=utc_now())
