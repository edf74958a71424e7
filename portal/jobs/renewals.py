"""Every hour: the reminders before tacit renewals, what became of them, and what goes back where one is not proved."""

from __future__ import annotations

from procrastinate import JobContext

from portal import queue
from portal.clock import utc_now
from portal.services.renewals import advances, reminders


@queue.app.periodic(cron="25 * * * *")
@queue.app.task(name="renewals.remind", pass_context=True, priority=queue.FIRST, queueing_lock="renewals.remind")
def remind_of_renewals(job: JobContext, timestamp: int) -> None:
    """Send what is due, and write whose renewal nobody can prove to have told."""
    reminders.remind(job.additional_context["portal"], now=utc_now())


@queue.app.periodic(cron="35 * * * *")
@queue.app.task(name="renewals.refunds", pass_context=True, queueing_lock="renewals.refunds")
def follow_refunds(job: JobContext, timestamp: int) -> None:
    """Close what the refunds made since cover."""
    advances.follow(job.additional_context["portal"], now=utc_now())
