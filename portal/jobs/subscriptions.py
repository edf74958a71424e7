"""A subscription read again at PayPal, when what was read was known not to last."""

from __future__ import annotations

import uuid

from procrastinate import JobContext

from portal import queue
from portal.clock import utc_now
from portal.jobs.end_requests import TRY_AGAIN
from portal.services.arrivals import refreshing


@queue.app.task(name=queue.REREAD, pass_context=True, retry=TRY_AGAIN)
def reread(job: JobContext, merchant_id: str, subscription_id: str) -> None:
    """Read it; the nightly comparison comes round to what PayPal does not answer now."""
    refreshing.refresh(
        job.additional_context["portal"], uuid.UUID(merchant_id), uuid.UUID(subscription_id), now=utc_now()
    )
