"""What was declared on the public pages: matched at once, carried out when its delay is over."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services.declarations import deciding

TRY_AGAIN = RetryStrategy(max_attempts=12, exponential_wait=4)


@queue.app.task(name=queue.DECIDE_DECLARATION, pass_context=True, retry=TRY_AGAIN)
def decide(job: JobContext, received_id: str) -> None:
    """Decide who carries one out."""
    deciding.decide(job.additional_context["portal"], uuid.UUID(received_id), now=utc_now())


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="declarations.carry", pass_context=True, priority=queue.FIRST, queueing_lock="declarations.carry")
def carry(job: JobContext, timestamp: int) -> None:
    """Carry out those whose delay is over, and decide those that lost their job."""
    deciding.run(job.additional_context["portal"], now=utc_now())
