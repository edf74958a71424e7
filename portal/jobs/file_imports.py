"""Go through the lines that merchants bring, and forget their files in time."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from procrastinate import JobContext

from portal import queue
from portal.clock import utc_now
from portal.jobs.last_tries import TRY_AGAIN, carry
from portal.services.imports import file_import_running, file_imports

if TYPE_CHECKING:
    from portal.services.context import Context


@queue.app.task(name=queue.RUN_FILE_IMPORT, pass_context=True, retry=TRY_AGAIN)
def run_file_import(job: JobContext, import_id: str, attempt: int) -> None:
    """Do some parts of one file."""

    def go_on(ctx: Context, which: uuid.UUID, /, *, now: datetime) -> None:
        file_import_running.run_share(ctx, which, attempt)

    def give_up(ctx: Context, which: uuid.UUID, /, *, now: datetime) -> None:
        file_import_running.give_up(ctx, which, attempt, now=now)

    carry(job, go_on, give_up, import_id)


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="file_imports.keep", pass_context=True, queueing_lock="file_imports.keep")
def keep_files(job: JobContext, timestamp: int) -> None:
    """Forget files that nobody has used for long enough, and go on with what nobody works on any more."""
    ctx, now = job.additional_context["portal"], utc_now()
    file_imports.purge(ctx, before=now - file_imports.KEPT, now=now)
    file_imports.sweep(ctx, now=now)
