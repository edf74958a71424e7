"""Go through the lines that merchants bring, and forget their files in time."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services.imports import file_import_running, file_imports

TRY_AGAIN = RetryStrategy(max_attempts=8, exponential_wait=3)


@queue.app.task(name=queue.RUN_FILE_IMPORT, pass_context=True, retry=TRY_AGAIN)
def run_file_import(job: JobContext, import_id: str, attempt: int) -> None:
    """Do some parts of one file."""
    file_import_running.run_share(job.additional_context["portal"], uuid.UUID(import_id), attempt)


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="file_imports.keep", pass_context=True, queueing_lock="file_imports.keep")
def keep_files(job: JobContext, timestamp: int) -> None:
    """Forget files that nobody has used for long enough, and go on with what nobody works on any more."""
    ctx, now = job.additional_context["portal"], utc_now()
    file_imports.purge(ctx, before=now - file_imports.KEPT, now=now)
    file_imports.sweep(ctx, now=now)
