"""The figures of the desk's home: what has changed is counted in each minute, everything is counted anew at night."""

from __future__ import annotations

from procrastinate import JobContext

from portal import queue
from portal.clock import utc_now
from portal.services import figures


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="figures.keep", pass_context=True, queueing_lock="figures.keep", lock="figures")
def keep(job: JobContext, timestamp: int) -> None:
    """Count in what has changed, and open the day that has begun where the merchant is."""
    figures.keep(job.additional_context["portal"], now=utc_now())


@queue.app.periodic(cron="20 2 * * *")
@queue.app.task(name="figures.verify", pass_context=True, queueing_lock="figures.verify", lock="figures")
def verify(job: JobContext, timestamp: int) -> None:
    """Count every merchant's figures anew, whatever was missed, and forget days that are too old."""
    figures.verify(job.additional_context["portal"], now=utc_now())
