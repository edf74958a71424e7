"""The job of one message."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services.context import Context
from portal.services.notices import leaving

TRY_AGAIN = RetryStrategy(max_attempts=12, exponential_wait=4)  # for our own failures: the mail server's are put off


@queue.app.task(name=queue.SEND_MAIL, pass_context=True, retry=TRY_AGAIN)
def send_mail_task(job: JobContext, mail_id: str) -> None:
    """Send one message."""
    send_mail(job.additional_context["portal"], mail_id)


def send_mail(ctx: Context, mail_id: str) -> None:
    """Send the message, or see that it needs no sending; what the mail server leaves is put off by the outbox."""
    leaving.send(ctx, uuid.UUID(mail_id), now=utc_now())
