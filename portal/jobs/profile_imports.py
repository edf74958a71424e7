"""Read lists of classic profiles from PayPal in the background."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services.imports import profile_import_reading, profile_imports

TRY_AGAIN = RetryStrategy(max_attempts=5, exponential_wait=4)  # for our own failures: PayPal's are planned


@queue.app.task(name=queue.RUN_PROFILE_IMPORT, pass_context=True, retry=TRY_AGAIN)
def run_profile_import(job: JobContext, import_id: str, waits: int = 0) -> None:
    """Go on with one list from the first row that still waits, for a few profiles."""
    profile_import_reading.run_share(job.additional_context["portal"], uuid.UUID(import_id), waits=waits)


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="profile_imports.resume", pass_context=True, queueing_lock="profile_imports.resume")
def resume_stopped(job: JobContext, timestamp: int) -> None:
    """Go on with lists that nobody reads any more, though they could be."""
    profile_imports.resume_stopped(job.additional_context["portal"], now=utc_now())
