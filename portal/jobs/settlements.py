"""The worker's part of a settlement: carry it to PayPal until PayPal's read shows what became of it."""

from __future__ import annotations

import uuid

import structlog
from procrastinate import JobContext

from portal import queue
from portal.clock import utc_now
from portal.jobs.end_requests import TRY_AGAIN
from portal.services.carrying import engine, settlement_carrying
from portal.services.carrying.settlement_carrying import SETTLEMENTS

log = structlog.get_logger(__name__)


@queue.app.task(name=queue.SETTLE, pass_context=True, retry=TRY_AGAIN)
def carry_out_settlement(job: JobContext, merchant_id: str, settlement_id: str) -> None:
    """Carry one settlement as far as PayPal allows now."""
    context = job.additional_context["portal"]
    settlement_carrying.carry_out(context, uuid.UUID(merchant_id), uuid.UUID(settlement_id))


@queue.app.periodic(cron="* * * * *")
@queue.app.task(
    name="settlements.sweep", pass_context=True, priority=queue.HOUSEKEEPING, queueing_lock="settlements.sweep"
)
def sweep(job: JobContext, timestamp: int) -> None:
    """Give a job to every open settlement that lost its own."""
    found = engine.sweep(SETTLEMENTS, job.additional_context["portal"], now=utc_now())
    if found:
        log.warning("settlements_without_a_job", count=found)
