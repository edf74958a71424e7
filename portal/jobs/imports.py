"""Read plans and subscriptions from PayPal in the background."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.services.imports import imports


@queue.app.task(name=queue.RUN_IMPORT, pass_context=True, retry=RetryStrategy(max_attempts=5, exponential_wait=4))
def run_import(job: JobContext, run_id: str) -> None:
    """Go on with one import run from where it stands, for a few pages."""
    imports.run_share(job.additional_context["portal"], uuid.UUID(run_id))
