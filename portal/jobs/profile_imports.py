"""Read lists of classic profiles from PayPal in the background."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.services import profile_import_reading

TRY_AGAIN = RetryStrategy(max_attempts=5, exponential_wait=4)  # for our own failures: PayPal's are planned


@queue.app.task(name=queue.RUN_PROFILE_IMPORT, pass_context=True, retry=TRY_AGAIN)
def run_profile_import(job: JobContext, import_id: str, waits: int = 0) -> None:
    """Go on with one list from the first row that still waits, for a few profiles."""
    profile_import_reading.run_share(job.additional_context["portal"], uuid.UUID(import_id), waits=waits)
