"""A subscription read again at PayPal, when what was read was known not to last; and its payments of the past."""

from __future__ import annotations

import uuid

from procrastinate import JobContext

from portal import queue
from portal.clock import utc_now
from portal.jobs.end_requests import TRY_AGAIN
from portal.services.arrivals import payment_histories, refreshing

READ_FOR = 10.0  # seconds of each quarter of a minute: a worker that is asked to stop waits for it


@queue.app.task(name=queue.REREAD, pass_context=True, retry=TRY_AGAIN)
def reread(job: JobContext, merchant_id: str, subscription_id: str) -> None:
    """Read it; the nightly comparison comes round to what PayPal does not answer now."""
    refreshing.refresh(
        job.additional_context["portal"], uuid.UUID(merchant_id), uuid.UUID(subscription_id), now=utc_now()
    )


@queue.app.periodic(cron="* * * * * */15")
@queue.app.task(name="payment_histories.read", pass_context=True, priority=queue.LAST, queueing_lock="histories")
def read_histories(job: JobContext, timestamp: int) -> None:
    """Go on reading what was paid before the portal knew its subscriptions."""
    payment_histories.run(job.additional_context["portal"], seconds=READ_FOR)
