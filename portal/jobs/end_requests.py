"""The worker's part of an end: carry it to PayPal until PayPal's read confirms it."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.services import end_kinds
from portal.services.carrying import end_carrying

TRY_AGAIN = RetryStrategy(max_attempts=12, exponential_wait=4)  # for our own failures: PayPal's are states of the row


@queue.app.task(name=queue.CARRY_OUT_END, pass_context=True, retry=TRY_AGAIN)
def carry_out_end(job: JobContext, merchant_id: str, request_id: str) -> None:
    """Carry one request as far as PayPal allows now."""
    context = job.additional_context["portal"]
    end_carrying.carry_out(context, uuid.UUID(merchant_id), uuid.UUID(request_id))


@queue.app.periodic(cron="30 4 * * *")
@queue.app.task(name="end_requests.kinds", pass_context=True, queueing_lock="end_requests.kinds")
def fill_kinds(job: JobContext, timestamp: int) -> None:
    """Give each end its kind that an older release wrote without."""
    end_kinds.fill(job.additional_context["portal"])
