"""The worker's part of a pause and of a resume: carry it to PayPal until PayPal's read shows it."""

from __future__ import annotations

import uuid

from procrastinate import JobContext

from portal import queue
from portal.jobs.end_requests import TRY_AGAIN
from portal.services.carrying import pause_carrying


@queue.app.task(name=queue.CARRY_OUT_PAUSE, pass_context=True, retry=TRY_AGAIN)
def carry_out_pause(job: JobContext, merchant_id: str, request_id: str) -> None:
    """Carry one request as far as PayPal allows now."""
    pause_carrying.carry_out(job.additional_context["portal"], uuid.UUID(merchant_id), uuid.UUID(request_id))
