"""What time brings: stalled jobs, forgotten requests, honest status mails, ends of access, old rows."""

from __future__ import annotations

import structlog
from procrastinate import JobContext
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Status

from portal import clock, queue
from portal.clock import utc_now
from portal.domain.law.retention import OPERATOR, Stock
from portal.jobs import old_job_rows, releases
from portal.services import access_tokens, aging, clock_mending, comebacks, journal_keeping, restores, time_stamps
from portal.services.carrying import engine
from portal.services.carrying.end_carrying import ENDS
from portal.services.carrying.pause_carrying import PAUSES
from portal.services.merchants import departures, own_hosts
from portal.services.notices import outbox
from portal.services.pauses import pause_reminders

log = structlog.get_logger(__name__)

DEAD_AFTER = 20.0  # seconds without a heartbeat
KEEP_JOBS = OPERATOR[Stock.JOBS]


@queue.app.periodic(cron="* * * * * */20")
@queue.app.task(
    name="housekeeping.stalled_jobs", pass_context=True, priority=queue.HOUSEKEEPING, queueing_lock="stalled_jobs"
)
async def stalled_jobs(job: JobContext, timestamp: int) -> None:
    """Give the jobs of dead workers back to the queue: all of ours may safely run twice.

    One that cannot be given back keeps none of the others: a regular job may have its successor waiting already,
    and a worker that was thought dead may finish its job in this moment.
    """
    manager = job.app.job_manager
    for stalled in await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER):
        about = {"job_id": stalled.id, "task": stalled.task_name}
        try:
            await manager.retry_job(stalled)
            log.warning("stalled_job_retried", **about)
        except UniqueViolation:  # of its queueing lock: the next one of its kind does its work
            await manager.finish_job(stalled, status=Status.FAILED, delete_job=False)
            log.warning("stalled_job_replaced", **about)
        except ConnectorException as error:
            log.warning("stalled_job_left", **about, error=type(error).__name__)


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="housekeeping.left_jobs", pass_context=True, queueing_lock="left_jobs")
def left_jobs(job: JobContext, timestamp: int) -> None:
    """Say when jobs of another release wait for its workers: for ever, where it was taken back."""
    found = releases.left(job.additional_context["portal"], queue.app.tasks)
    if found:
        log.warning("jobs_of_another_release", count=found)


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="housekeeping.clock", pass_context=True, priority=queue.HOUSEKEEPING, queueing_lock="clock")
def mend_clock(job: JobContext, timestamp: int) -> None:
    """Take for now what a wrong clock wrote ahead of it; the sweeps then find it as any other."""
    if clock.machine_is_off():
        log.warning("clock_off")
    found = clock_mending.mend(job.additional_context["portal"])
    if found:
        log.warning("moments_ahead_of_the_clock", count=found)


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="housekeeping.sweep", pass_context=True, priority=queue.HOUSEKEEPING, queueing_lock="sweep")
def sweep(job: JobContext, timestamp: int) -> None:
    """Give a job to every request, every attempt to come back and every mail whose time has passed without one."""
    context = job.additional_context["portal"]
    try:
        found = engine.sweep(ENDS, context, now=utc_now())
        if found:
            log.warning("requests_without_a_job", count=found)
        found = comebacks.sweep(context, now=utc_now())
        if found:
            log.warning("comebacks_without_a_job", count=found)
    finally:
        found = outbox.sweep(context, now=utc_now())
        if found:
            log.warning("mails_without_a_job", count=found)


@queue.app.periodic(cron="* * * * *")
@queue.app.task(name="housekeeping.journal", pass_context=True, priority=queue.HOUSEKEEPING, queueing_lock="journal")
def keep_journal(job: JobContext, timestamp: int) -> None:
    """See whether the database was restored, and write what waits for its place in the journal."""
    context = job.additional_context["portal"]
    restores.look(context.db)
    found = journal_keeping.sweep(context, now=utc_now())
    if found:
        log.warning("journal_entries_late", count=found)


@queue.app.periodic(cron="10 4 * * *")
@queue.app.task(name="housekeeping.old_journal", pass_context=True, queueing_lock="old_journal")
def forget_journal(job: JobContext, timestamp: int) -> None:
    """Delete the journal's segments that are older than their time."""
    journal_keeping.forget(job.additional_context["portal"], now=utc_now())


@queue.app.periodic(cron="* * * * *")
@queue.app.task(
    name="housekeeping.sweep_pauses", pass_context=True, priority=queue.HOUSEKEEPING, queueing_lock="sweep_pauses"
)
def sweep_pauses(job: JobContext, timestamp: int) -> None:
    """Give a job to every request to pause or resume whose time has passed without one."""
    found = engine.sweep(PAUSES, job.additional_context["portal"], now=utc_now())
    if found:
        log.warning("pauses_without_a_job", count=found)


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(
    name="housekeeping.remind_of_resumes", pass_context=True, priority=queue.FIRST, queueing_lock="remind_of_resumes"
)
def remind_of_resumes(job: JobContext, timestamp: int) -> None:
    """Tell customers the day before that their payments start again."""
    pause_reminders.remind(job.additional_context["portal"], now=utc_now())


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="housekeeping.aging", pass_context=True, priority=queue.FIRST, queueing_lock="aging")
def age(job: JobContext, timestamp: int) -> None:
    """Close what is over, tell who waits, forget what has expired."""
    aging.run(job.additional_context["portal"], now=utc_now())


@queue.app.periodic(cron="30 3 * * *")
@queue.app.task(name="housekeeping.old_jobs", pass_context=True, queueing_lock="old_jobs")
def old_jobs(job: JobContext, timestamp: int) -> None:
    """Delete jobs that finished long ago."""
    old_job_rows.purge(job.additional_context["portal"], before=utc_now() - KEEP_JOBS)


@queue.app.periodic(cron="50 3 * * *")
@queue.app.task(name="housekeeping.signing_keys", pass_context=True, queueing_lock="signing_keys")
def turn_signing_keys(job: JobContext, timestamp: int) -> None:
    """Make the next key that signs access tokens, when it is due."""
    access_tokens.turn(job.additional_context["portal"], now=utc_now())


@queue.app.periodic(cron="*/10 * * * *")
@queue.app.task(name="housekeeping.time_stamps", pass_context=True, queueing_lock="time_stamps", lock="time_stamps")
def stamp(job: JobContext, timestamp: int) -> None:
    """Have what is due stamped by the outside authority, where there is one."""
    time_stamps.run(job.additional_context["portal"], now=utc_now())


@queue.app.periodic(cron="40 */6 * * *")
@queue.app.task(name="housekeeping.own_hosts", pass_context=True, queueing_lock="own_hosts", lock="own_hosts")
def look_at_hosts(job: JobContext, timestamp: int) -> None:
    """See whether merchants' own hosts still lead here: links must not name one that does not."""
    failing = own_hosts.check_all(job.additional_context["portal"], now=utc_now())
    if failing:
        log.warning("own_hosts_failing", count=failing)


@queue.app.periodic(cron="15 4 * * *")
@queue.app.task(name="housekeeping.departures", pass_context=True, queueing_lock="departures")
def let_merchants_go(job: JobContext, timestamp: int) -> None:
    """Close and erase merchants whose last day is over, unless something of theirs is open at PayPal."""
    departures.run(job.additional_context["portal"], now=utc_now())
