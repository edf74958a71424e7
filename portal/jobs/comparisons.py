"""Comparisons with PayPal: every night, before payments, and on after an interruption."""

from __future__ import annotations

import uuid

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.services.comparisons import comparison_starts, comparisons


@queue.app.task(name=queue.RUN_COMPARISON, pass_context=True, retry=RetryStrategy(max_attempts=5, exponential_wait=4))
def run_comparison(job: JobContext, run_id: str, tries: int = 0) -> None:
    """Go on with one run for a share."""
    comparisons.run_share(job.additional_context["portal"], uuid.UUID(run_id), tries=tries)


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="comparisons.start_nightly", pass_context=True, queueing_lock="comparisons_nightly")
def start_nightly(job: JobContext, timestamp: int) -> None:
    """Begin the runs of merchants whose minute of the night has come, and go on with what was left."""
    context, now = job.additional_context["portal"], utc_now()
    comparison_starts.resume_stopped(context, now=now)
    comparison_starts.start_nightly(context, now=now)


@queue.app.periodic(cron="25 * * * *")
@queue.app.task(name="comparisons.before_payments", pass_context=True, queueing_lock="comparisons_payments")
def start_before_payments(job: JobContext, timestamp: int) -> None:
    """Begin runs where a payment is near."""
    comparison_starts.start_before_payments(job.additional_context["portal"], now=utc_now())
