"""See that PayPal reports to us, and ask again for what it sent while we were away."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

import structlog
from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services.messages import missed_events, webhook_registration
from portal.services.paypal.gateways import NoKey

log = structlog.get_logger(__name__)

LAST_TRY: Final = 8  # after so many tries no other comes
TRY_AGAIN = RetryStrategy(max_attempts=LAST_TRY, exponential_wait=4)


@queue.app.task(name=queue.REGISTER_WEBHOOK, pass_context=True, retry=TRY_AGAIN)
def register_webhook(job: JobContext, merchant_id: str) -> None:
    """Look at one merchant's webhook and mend it; what PayPal says is written for the page."""
    try:
        webhook_registration.ensure(job.additional_context["portal"], uuid.UUID(merchant_id), now=utc_now())
    except NoKey:  # removed since
        log.info("webhook_without_key", merchant_id=merchant_id)


@queue.app.task(name=queue.FETCH_MISSED_EVENTS, pass_context=True, retry=TRY_AGAIN)
def fetch_missed_events(job: JobContext, merchant_id: str, start: str, end: str) -> None:
    """Ask PayPal for the first day of a span again; the rest of it is another job's."""
    missed_events.fetch_share(
        job.additional_context["portal"],
        uuid.UUID(merchant_id),
        start=datetime.fromisoformat(start),
        end=datetime.fromisoformat(end),
        now=utc_now(),
        last_try=job.job.attempts >= LAST_TRY,
    )


@queue.app.periodic(cron="17 * * * *")
@queue.app.task(name="webhooks.check", pass_context=True, queueing_lock="webhooks.check")
def check_webhooks(job: JobContext, timestamp: int) -> None:
    """Have every webhook looked at once a day, and sooner where PayPal did not answer."""
    webhook_registration.defer_due(job.additional_context["portal"], now=utc_now())
