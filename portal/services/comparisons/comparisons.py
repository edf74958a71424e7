"""Compare what is stored with PayPal: started, resumed and stopped here; interrupted anywhere, a run goes on.

PayPal's messages may be lost, and other applications' subscriptions send none (FACTS.md 2.1): every night, and
before each payment, what PayPal shows is set beside what is stored.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal import queue
from portal.clock import utc_now
from portal.domain.audit import PORTAL, Act, By
from portal.domain.ends.end_requests import retry_delay
from portal.models import ComparisonPhase, ComparisonRun, ComparisonState, ComparisonTrigger
from portal.providers.ports import GatewayRefused
from portal.queries.comparisons import comparisons
from portal.queries.comparisons.comparisons import KEY_NOTE, notes_of
from portal.queries.people import merchants
from portal.services.arrivals.import_pages import KEY_REFUSALS
from portal.services.audit import audit
from portal.services.comparisons.comparison_keys import NoKeyWorks, heed_tests, leave_out, open_gateways, take_up
from portal.services.comparisons.comparison_lists import read_page
from portal.services.comparisons.comparison_pace import Pacer
from portal.services.comparisons.comparison_reads import read_due
from portal.services.comparisons.comparison_work import Halt, Lost, Work
from portal.services.context import Context
from portal.services.imports.imports import QUIET, StopReason, reason_of
from portal.services.paypal.gateways import NoKey, slow_down, suspect_key

log = structlog.get_logger(__name__)

CALLS_PER_SECOND: Final = 10.0  # PayPal publishes no limit (FACTS.md 5); so many have never been called too many
AT_ONCE: Final = 4  # calls under way: at a third of a second each, enough for the pace
AT_ONCE_UNPACED: Final = 8  # with the pace switched off
SOON: Final = timedelta(seconds=5)  # the database's clock, which jobs go by, may differ from ours
SHARE: Final = timedelta(seconds=15)  # of one job; then another merchant's turn, and a worker that stops is not kept
LANES: Final = 2  # comparisons at once: ends and mails have the other workers. A merchant keeps to one lane
CALM: Final = timedelta(seconds=30)  # after a 429 that names no time (FACTS.md 5)
TRIES: Final = 5  # without any answer (more than four hours), then one that is left alone is left behind
OVERLAP: Final = timedelta(hours=1)  # the list is asked again for a little of what it told before (FACTS.md 5)

OnProgress = Callable[[ComparisonRun], None]


class AlreadyRunning(Exception):
    """A comparison of this merchant is at work; `run_id` is it."""

    def __init__(self, run_id: uuid.UUID) -> None:
        super().__init__(f"comparison {run_id} is running")
        self.run_id = run_id


def start_or_resume(
    ctx: Context,
    merchant_id: uuid.UUID,
    *,
    trigger: ComparisonTrigger = ComparisonTrigger.MANUAL,
    dry_run: bool = False,
    everything: bool = False,
    in_background: bool = False,
    environment: str | None = None,
    by: By = PORTAL,
    now: datetime | None = None,
) -> ComparisonRun:
    """Return the run to go on with: the stopped one if it covers what is asked, else a new one.

    A run reads one environment; None takes that of the stopped run, or else the one uncompared for longest.
    A stopped run that does not cover what is asked is closed unfinished.  `in_background` gives the run to a
    worker in the same transaction.  Raises NoKey, and AlreadyRunning unless the running one has been quiet for five
    minutes.
    """
    now = now or utc_now()
    with ctx.db.begin() as session:
        merchants.lock(session, merchant_id)
        run = comparisons.unfinished(session, merchant_id)
        environment = _environment(session, merchant_id, environment, run)
        if run is not None and run.state is ComparisonState.RUNNING and now - run.touched_at < QUIET:
            raise AlreadyRunning(run.id)
        if run is not None and not _covers(run, environment, trigger, dry_run=dry_run, everything=everything):
            _close(run, now=now)
            session.flush()
            run = None
        if run is None:
            run = _new(session, merchant_id, environment, trigger, now=now)
            run.dry_run, run.everything = dry_run, everything
            session.add(run)
        _go(session, run, now=now, in_background=in_background)
        if trigger is ComparisonTrigger.MANUAL:
            about = ("comparison", run.id)
            audit.append(
                session, merchant_id, Act.COMPARISON_STARTED, by=by, at=now, subject=about, dry_run=run.dry_run
            )
        return run


def run_comparison(
    ctx: Context,
    run_id: uuid.UUID,
    *,
    calls_per_second: float | None = CALLS_PER_SECOND,
    on_progress: OnProgress | None = None,
) -> ComparisonRun:
    """Go on with a run until its end; return it *done*, or *stopped* with the reason.

    `calls_per_second` None switches the pace off.  `on_progress` is called after each batch.
    """
    _go_on(ctx, run_id, Pacer(calls_per_second), until=None, tries=0, tell=on_progress or (lambda _run: None))
    with ctx.db.read() as session:
        return comparisons.get(session, run_id)


def run_share(ctx: Context, run_id: uuid.UUID, *, tries: int = 0) -> None:
    """Do a share of a run, as one job does, and give the rest to another job that waits its turn.

    `tries` counts jobs that met nothing but silence.
    """
    with ctx.db.begin() as session:
        run = comparisons.lock(session, run_id)
        if run.state is ComparisonState.STOPPED and run.wait_until is not None and run.wait_until <= utc_now() + SOON:
            _go(session, run, now=utc_now())
        before = _standing(run)
    if not _go_on(ctx, run_id, Pacer(CALLS_PER_SECOND), until=utc_now() + SHARE, tries=tries, tell=lambda _run: None):
        return
    with ctx.db.begin() as session:
        run = comparisons.lock(session, run_id)
        stuck = _standing(run) == before
        if run.state is ComparisonState.RUNNING:
            _defer(session, run)
        elif run.state is ComparisonState.STOPPED and run.wait_until is not None:
            _defer(session, run, at=run.wait_until, tries=tries + 1 if stuck else 0)


def resume(ctx: Context, run: ComparisonRun, *, now: datetime) -> bool:
    """Give a run whose job is lost, or whose key works again, to a worker; False if it went on by itself."""
    with ctx.db.begin() as session:
        held = comparisons.lock(session, run.id)
        if (held.state, held.touched_at) != (run.state, run.touched_at) or held.state is ComparisonState.DONE:
            return False
        if held.environment not in comparisons.keys_are_in(session, held.merchant_id):
            _close(held, StopReason.NO_KEY, now=now)
            return False
        _go(session, held, now=now, in_background=True)
    return True


def _environment(session: Session, merchant_id: uuid.UUID, asked: str | None, run: ComparisonRun | None) -> str:
    found = comparisons.keys_are_in(session, merchant_id)
    wanted = asked or (run.environment if run is not None and run.environment in found else next(iter(found), None))
    if wanted is None or wanted not in found:
        raise NoKey
    return wanted


def _close(run: ComparisonRun, reason: str = "", *, now: datetime) -> None:
    """End a run that nobody goes on with, without `finished_at`: it never was."""
    run.state, run.error, run.wait_until, run.touched_at = ComparisonState.DONE, reason, None, now


def _standing(run: ComparisonRun) -> tuple[object, ...]:
    return (run.compared, run.failed, run.phase, run.next_page, run.after_id)


def _covers(
    run: ComparisonRun, environment: str, trigger: ComparisonTrigger, *, dry_run: bool, everything: bool
) -> bool:
    """Say whether going on with the run does what is asked."""
    partial = run.trigger is ComparisonTrigger.PAYMENT_DUE and trigger is not ComparisonTrigger.PAYMENT_DUE
    left_out = notes_of(run.error) & set(KEY_NOTE.values())
    same = run.environment == environment and run.dry_run == dry_run and not left_out
    return same and run.everything >= everything and not partial


def _new(
    session: Session, merchant_id: uuid.UUID, environment: str, trigger: ComparisonTrigger, *, now: datetime
) -> ComparisonRun:
    last = comparisons.last_listed(session, merchant_id, environment)
    partial = trigger is ComparisonTrigger.PAYMENT_DUE
    return ComparisonRun(
        merchant_id=merchant_id,
        environment=environment,
        trigger=trigger,
        phase=ComparisonPhase.READS if partial else ComparisonPhase.LIST,
        changed_since=last.created_at - OVERLAP if last is not None else None,
        error="",
        created_at=now,
        touched_at=now,
    )


def _go(session: Session, run: ComparisonRun, *, now: datetime, in_background: bool = False) -> None:
    take_up(run)
    run.touched_at = now
    session.flush()
    if in_background:
        _defer(session, run)


def _defer(session: Session, run: ComparisonRun, *, at: datetime | None = None, tries: int = 0) -> None:
    # A job that waits for its time with a lock would hold up every later one of the lane.
    lane = f"comparisons-{run.merchant_id.int % LANES}" if at is None else None
    queue.defer(session, queue.RUN_COMPARISON, at=at, lock=lane, run_id=str(run.id), tries=tries)


def _go_on(
    ctx: Context, run_id: uuid.UUID, pacer: Pacer, *, until: datetime | None, tries: int, tell: OnProgress
) -> bool:
    """Do batch after batch until the time is over, the run is done, or something stops it; False: it is not ours."""
    with ctx.db.read() as session:
        run = comparisons.get(session, run_id)
    if run.state is not ComparisonState.RUNNING:
        return False
    try:
        with _work(ctx, run, pacer, insist=tries >= TRIES) as work:
            over = False
            while run.state is ComparisonState.RUNNING and not over:
                run = _next_batch(work, run)
                tell(run)
                over = until is not None and utc_now() >= until  # asked last: a share always does something
    except Halt as halt:
        _halt(ctx, run, halt, tries=tries)
    except NoKey:  # taken away, or replaced by one that opens the other environment
        with ctx.db.begin() as session:
            _close(comparisons.lock(session, run.id), StopReason.NO_KEY, now=utc_now())
    except NoKeyWorks as broken:
        _stop(ctx, run, broken.reason)
    except (KeyboardInterrupt, SystemExit):
        _stop(ctx, run, StopReason.INTERRUPTED)
        raise
    except Lost:
        log.info("comparison_taken_over", run_id=str(run_id))
        return False
    return True


def _next_batch(work: Work, run: ComparisonRun) -> ComparisonRun:
    try:
        heed_tests(work, run)
        return read_page(work, run) if run.phase is ComparisonPhase.LIST else read_due(work, run)
    except Halt as halt:
        return leave_out(work, run, halt)


@contextmanager
def _work(ctx: Context, run: ComparisonRun, pacer: Pacer, *, insist: bool) -> Iterator[Work]:
    rest, gateways = open_gateways(ctx, run, pacer)
    pool = ThreadPoolExecutor(AT_ONCE if pacer.is_paced else AT_ONCE_UNPACED, thread_name_prefix="comparison")
    try:
        yield Work(ctx=ctx, gateways=gateways, rest=rest, pacer=pacer, pool=pool, insist=insist)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _halt(ctx: Context, run: ComparisonRun, halt: Halt, *, tries: int) -> None:
    """Stop for what PayPal said: wait as long as it asked, longer after each silence, or until the key works."""
    error, now = halt.error, utc_now()
    if isinstance(error, GatewayRefused):
        _stop(ctx, run, reason_of(error), error.debug_id)
        if error.refusal in KEY_REFUSALS and not halt.was_tested:
            with ctx.db.begin() as session:
                suspect_key(session, run.merchant_id, halt.provider, now=now)
        return
    if error.http_status != 429:
        _stop(ctx, run, StopReason.UNAVAILABLE, error.debug_id, until=now + retry_delay(tries + 1))
        return
    until = now + (timedelta(seconds=error.retry_after) if error.retry_after else CALM)
    with ctx.db.begin() as session:
        slow_down(session, run.merchant_id, halt.provider, until=until)
    _stop(ctx, run, StopReason.RATE_LIMITED, error.debug_id, until=until)


def _stop(
    ctx: Context, run: ComparisonRun, reason: StopReason, debug_id: str = "", *, until: datetime | None = None
) -> None:
    """Keep where the run stands and why it stopped, unless somebody else goes on with it."""
    with ctx.db.begin() as session:
        held = comparisons.lock(session, run.id)
        if held.state is ComparisonState.RUNNING:
            held.state, held.touched_at, held.wait_until = ComparisonState.STOPPED, utc_now(), until
            held.error = " ".join([reason, *debug_id.split(), *sorted(notes_of(held.error))])
    log.warning("comparison_stopped", run_id=str(run.id), reason=reason, debug_id=debug_id)
