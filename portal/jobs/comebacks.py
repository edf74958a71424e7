"""The worker's part of coming back: have PayPal make the new subscription, then look for the approval."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.services.carrying import comeback_watching

TRY_AGAIN = RetryStrategy(max_attempts=12, exponential_wait=4)  # for our own failures: PayPal's are states of the row


@queue.app.task(name=queue.CARRY_ON_COMEBACK, pass_context=True, retry=TRY_AGAIN)
def carry_on(job: JobContext, merchant_id: str, comeback_id: str) -> None:
    """Do the next step of one attempt."""
    context = job.additional_context["portal"]
    comeback_watching.carry_on(context, uuid.UUID(merchant_id), uuid.UUID(comeback_id))
