"""Files that somebody waits for: done, tried again a few times, then given up, so that they can start it again."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from procrastinate import JobContext, RetryStrategy

from portal.clock import utc_now

if TYPE_CHECKING:
    from portal.services.context import Context

MOST: Final = 5  # after so many tries more no other comes
TRY_AGAIN: Final = RetryStrategy(max_attempts=MOST, exponential_wait=4)


class Act(Protocol):
    """What is done about one file."""

    def __call__(self, ctx: Context, export_id: uuid.UUID, /, *, now: datetime) -> None: ...


def carry(job: JobContext, make: Act, give_up: Act, export_id: str) -> None:
    """Do one file; after the last try in vain give it up. What went wrong stays the job's own failure.

    A job whose workers were killed each time never failed by itself: it is given up without another try.
    """
    ctx, which, tried = job.additional_context["portal"], uuid.UUID(export_id), job.job.attempts
    if tried > MOST:
        give_up(ctx, which, now=utc_now())
        return
    try:
        make(ctx, which, now=utc_now())
    except Exception:
        if tried == MOST:
            give_up(ctx, which, now=utc_now())
        raise
