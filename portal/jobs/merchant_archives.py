"""Make archives of everything of a merchant, and forget them in time."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.domain.desk.list_exports import KEPT
from portal.services.merchants import merchant_archives
from portal.services.own_data import retention

TRY_AGAIN = RetryStrategy(max_attempts=5, exponential_wait=4)


@queue.app.task(name=queue.ARCHIVE_MERCHANT, pass_context=True, retry=TRY_AGAIN)
def make_archive(job: JobContext, archive_id: str) -> None:
    """Make one archive."""
    merchant_archives.make(job.additional_context["portal"], uuid.UUID(archive_id), now=utc_now())


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="merchant_archives.keep", pass_context=True, queueing_lock="merchant_archives.keep")
def keep_archives(job: JobContext, timestamp: int) -> None:
    """Forget what was ready for long enough, and go on with what nobody makes any more."""
    retention.forget_archives(job.additional_context["portal"], before=utc_now() - KEPT)
    merchant_archives.sweep(job.additional_context["portal"], now=utc_now())
