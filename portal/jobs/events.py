"""The job of one message from PayPal, and the search for messages without one."""

from __future__ import annotations

import uuid

import structlog
from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services.messages import events

log = structlog.get_logger(__name__)

TRY_AGAIN = RetryStrategy(max_attempts=12, exponential_wait=4)  # for our own failures: PayPal's are states of the row


@queue.app.task(name=queue.HANDLE_EVENT, pass_context=True, retry=TRY_AGAIN)
def handle_event(job: JobContext, event_id: str) -> None:
    """Handle one message as far as PayPal allows now."""
    events.handle(job.additional_context["portal"], uuid.UUID(event_id), now=utc_now())


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="housekeeping.waiting_events", pass_context=True, queueing_lock="waiting_events")
def sweep(job: JobContext, timestamp: int) -> None:
    """Give a job to every message whose time has passed without one."""
    found = events.sweep(job.additional_context["portal"], now=utc_now())
    if found:
        log.warning("events_without_a_job", count=found)
