"""Money after an end: refunds carried to PayPal, looks for what no message told of, the merchant's one mail."""

from __future__ import annotations

import uuid

import structlog
from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services.arrivals import late_payment_watch
from portal.services.carrying import engine, refund_carrying
from portal.services.carrying.refund_carrying import REFUNDS
from portal.services.notices import late_payment_notices

log = structlog.get_logger(__name__)

TRY_AGAIN = RetryStrategy(max_attempts=12, exponential_wait=4)  # for our own failures: PayPal's are states of the row
WATCH_FOR = 45.0  # seconds of each minute


@queue.app.task(name=queue.REFUND, pass_context=True, retry=TRY_AGAIN)
def carry_out_refund(job: JobContext, merchant_id: str, refund_id: str) -> None:
    """Carry one refund as far as PayPal allows now, or see what became of it."""
    refund_carrying.carry_out(job.additional_context["portal"], uuid.UUID(merchant_id), uuid.UUID(refund_id))


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="late_payments.tell", pass_context=True, priority=queue.FIRST, queueing_lock="late_payments.tell")
def tell(job: JobContext, timestamp: int) -> None:
    """Tell merchants of new alarms, and give a job to every refund that lost its own."""
    context = job.additional_context["portal"]
    try:
        found = engine.sweep(REFUNDS, context, now=utc_now())
        if found:
            log.warning("refunds_without_a_job", count=found)
    finally:
        late_payment_notices.tell_merchants(context, now=utc_now())


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="late_payments.watch", pass_context=True, priority=queue.NEXT, queueing_lock="late_payments.watch")
def watch(job: JobContext, timestamp: int) -> None:
    """Look for money after an end."""
    late_payment_watch.run(job.additional_context["portal"], seconds=WATCH_FOR)
