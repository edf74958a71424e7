"""Make archives of everything of a merchant, and forget them in time."""

from __future__ import annotations

from procrastinate import JobContext

from portal import queue
from portal.clock import utc_now
from portal.domain.desk.list_exports import KEPT
from portal.jobs.last_tries import TRY_AGAIN, carry
from portal.services.merchants import merchant_archives
from portal.services.own_data import retention


@queue.app.task(name=queue.ARCHIVE_MERCHANT, pass_context=True, retry=TRY_AGAIN)
def make_archive(job: JobContext, archive_id: str) -> None:
    """Make one archive."""
    carry(job, merchant_archives.make, merchant_archives.give_up, archive_id)


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="merchant_archives.keep", pass_context=True, queueing_lock="merchant_archives.keep")
def keep_archives(job: JobContext, timestamp: int) -> None:
    """Forget what was ready for long enough, and go on with what nobody makes any more."""
    retention.forget_archives(job.additional_context["portal"], before=utc_now() - KEPT)
    merchant_archives.sweep(job.additional_context["portal"], now=utc_now())
