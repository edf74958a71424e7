"""Read plans and subscriptions from PayPal, page by page: interrupted it resumes, repeated it doubles nothing.

Each page is asked for with no transaction open, then written in one.  The row of the run says which
page comes next; whoever writes a page holds that row, so two processes can never write the same page.
PayPal's list moves while it is read (FACTS.md 1.2 gives no cursor): what slipped by comes with the next run.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count, islice
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal import queue
from portal.clock import utc_now
from portal.domain.audit import PORTAL, Act, By
from portal.models import ImportRun, ImportState, Provider
from portal.providers.ports import (
    GatewayRefused,
    GatewayUnavailable,
    PlanReading,
    Refusal,
    RestGateway,
)
from portal.queries.merchants import paypal_accounts
from portal.queries.operating import import_runs
from portal.queries.people import merchants
from portal.secrets import CannotOpen
from portal.services.arrivals.import_pages import Gathered, Written, gather, write_page, write_plans
from portal.services.arrivals.import_rows import Origin
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.paypal.gateways import NoKey, heed, rest_gateway

log = structlog.get_logger(__name__)

PAGE_SIZE: Final = 20  # PayPal's largest (FACTS.md 1.2)
PAGES_PER_JOB: Final = 20  # then another merchant's turn; about as long as a worker that stops may take
LOCK: Final = "imports"  # one job at a time, of all merchants: ends and mails have the other workers
QUIET: Final = timedelta(minutes=5)  # a running import that wrote nothing for so long may be taken over

OnProgress = Callable[[ImportRun], None]


class StopReason(StrEnum):
    """Why a run stopped before its end: the first word of `ImportRun.error`, PayPal's debug id may follow."""

    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    BAD_CREDENTIALS = "bad_credentials"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"
    NO_KEY = "no_key"
    KEY_UNREADABLE = "key_unreadable"  # sealed with a master key that is no longer configured
    INTERRUPTED = "interrupted"


class AlreadyRunning(Exception):
    """An import of this merchant is at work; `run_id` is it."""

    def __init__(self, run_id: uuid.UUID) -> None:
        super().__init__(f"import {run_id} is running")
        self.run_id = run_id


class _Lost(Exception):
    """Another process took the run over: this one leaves it alone."""


def start_or_resume(
    ctx: Context,
    merchant_id: uuid.UUID,
    *,
    by: By = PORTAL,
    now: datetime | None = None,
    in_background: bool = False,
) -> ImportRun:
    """Return the run to go on with: the stopped one where it stood, else a new one.

    `in_background` gives it to a worker in the same transaction; otherwise the caller runs it.
    Raises NoKey, and AlreadyRunning unless the running one has been quiet for five minutes.
    """
    now = now or utc_now()
    with ctx.db.begin() as session:
        account = paypal_accounts.of_merchant(session, merchant_id)
        if account is None:
            raise NoKey
        merchants.lock(session, merchant_id)
        run = import_runs.unfinished(session, merchant_id)
        if run is not None and run.environment != account.environment:
            run.state, run.finished_at = ImportState.DONE, now  # its pages belong to the other environment
            session.flush()
            run = None
        if run is not None and run.state is ImportState.RUNNING and now - run.touched_at < QUIET:
            raise AlreadyRunning(run.id)
        if run is None:
            run = ImportRun(merchant_id=merchant_id, environment=account.environment, touched_at=now)
            session.add(run)
        run.state, run.error, run.touched_at = ImportState.RUNNING, "", now
        session.flush()
        about = ("import", run.id)
        audit.append(session, merchant_id, Act.IMPORT_STARTED, by=by, at=now, subject=about, page=run.next_page)
        if in_background:
            _defer(session, run.id)
        return run


def run_import(ctx: Context, run_id: uuid.UUID, *, on_progress: OnProgress | None = None) -> ImportRun:
    """Go on with a run until PayPal's last page; return it *done*, or *stopped* with the reason.

    `on_progress` is called after each written page with the run as it stands.
    """
    _go_on(ctx, run_id, pages=None, tell=on_progress or (lambda _run: None))
    with ctx.db.read() as session:
        return import_runs.get(session, run_id)


def run_share(ctx: Context, run_id: uuid.UUID) -> None:
    """Read a few pages of a run, as one job does, and give the rest to another job that waits its turn.

    Killed before that, this job is given back to the queue and goes on from the page that the run names.
    """
    if _go_on(ctx, run_id, pages=PAGES_PER_JOB, tell=lambda _run: None):
        with ctx.db.begin() as session:
            _defer(session, run_id)


def _defer(session: Session, run_id: uuid.UUID) -> None:
    queue.defer(session, queue.RUN_IMPORT, lock=LOCK, run_id=str(run_id))


def _go_on(ctx: Context, run_id: uuid.UUID, *, pages: int | None, tell: OnProgress) -> bool:
    """Read the run's next pages, all of them when `pages` is None; return whether any are left for us to read."""
    with ctx.db.read() as session:
        run = import_runs.get(session, run_id)
    if run.state is not ImportState.RUNNING:
        return False
    try:
        return _read(ctx, run, pages, tell)
    except NoKey:
        _stop(ctx, run, StopReason.NO_KEY)
    except CannotOpen:
        _stop(ctx, run, StopReason.KEY_UNREADABLE)
    except GatewayRefused as refused:
        _heed(ctx, run, refused)
        _stop(ctx, run, reason_of(refused), refused.debug_id)
    except GatewayUnavailable as unavailable:
        _heed(ctx, run, unavailable)
        limited = unavailable.http_status == 429
        _stop(ctx, run, StopReason.RATE_LIMITED if limited else StopReason.UNAVAILABLE, unavailable.debug_id)
    except (KeyboardInterrupt, SystemExit):
        _stop(ctx, run, StopReason.INTERRUPTED)
        raise
    except _Lost:
        log.info("import_taken_over", run_id=str(run_id))
    return False


def _read(ctx: Context, run: ImportRun, pages: int | None, tell: OnProgress) -> bool:
    gateway = rest_gateway(ctx, run.merchant_id)
    page: int | None = run.next_page
    if page == 1:
        _read_plans(ctx, run, gateway, tell)
    numbers = count() if pages is None else range(pages)
    for _ in numbers:
        if page is None:
            break
        page = _read_page(ctx, run, gateway, page=page, tell=tell)
    return page is not None


def _read_plans(ctx: Context, run: ImportRun, gateway: RestGateway, tell: OnProgress) -> None:
    """Read every plan. This is always done from the start: plans are few, and written twice they stay one."""
    plans_read = 0
    for plans in _batches(gateway.list_plans()):
        with ctx.db.begin() as session:
            held = _hold(session, run, page=1)
            write_plans(session, _origin(held), plans, now=utc_now())
            plans_read += len(plans)
            held.plans_read, held.touched_at = plans_read, utc_now()
        tell(held)


def _read_page(ctx: Context, run: ImportRun, gateway: RestGateway, *, page: int, tell: OnProgress) -> int | None:
    """Read and write one page; return the next one's number, None after the last."""
    asked_at = utc_now()
    seen = gateway.list_subscriptions(page=page, page_size=PAGE_SIZE)
    gathered = gather(ctx, _origin(run), gateway, seen)
    more = seen.has_next and bool(seen.readings or seen.unreadable)  # a link alone could lead round for ever
    with ctx.db.begin() as session:
        held = _hold(session, run, page=page)
        written = write_page(ctx, session, _origin(held), gathered, now=utc_now(), asked_at=asked_at)
        _count(held, gathered, written)
        held.touched_at = utc_now()
        held.next_page = page + 1
        if not more:
            held.state, held.finished_at = ImportState.DONE, held.touched_at
    tell(held)
    log.info("import_page_written", run_id=str(run.id), page=page, seen=held.seen, unreadable=held.unreadable)
    return page + 1 if more else None


def _heed(ctx: Context, run: ImportRun, error: GatewayRefused | GatewayUnavailable) -> None:
    with ctx.db.begin() as session:
        heed(session, run.merchant_id, Provider.PAYPAL_REST, error, now=utc_now())


def _origin(run: ImportRun) -> Origin:
    return Origin(run.merchant_id, run.environment)


def _count(run: ImportRun, page: Gathered, written: Written) -> None:
    run.seen += len(page.readings) + page.unreadable
    run.created += written.created
    run.updated += written.updated
    run.unreadable += page.unreadable + written.failed


def _hold(session: Session, run: ImportRun, *, page: int) -> ImportRun:
    """Return the run, locked, if this page is still ours to write; raise _Lost otherwise."""
    held = import_runs.lock(session, run.id)
    if held.state is not ImportState.RUNNING or held.next_page != page:
        raise _Lost
    return held


def _stop(ctx: Context, run: ImportRun, reason: StopReason, debug_id: str = "") -> None:
    """Keep where the run stands and why it stopped, unless somebody else goes on with it."""
    with ctx.db.begin() as session:
        held = import_runs.lock(session, run.id)
        if held.state is ImportState.RUNNING:
            held.state, held.touched_at = ImportState.STOPPED, utc_now()
            held.error = f"{reason} {debug_id}".strip()
    log.warning("import_stopped", run_id=str(run.id), reason=reason, debug_id=debug_id)


def reason_of(refused: GatewayRefused) -> StopReason:
    """Return why a run stops after a refusal."""
    known = {Refusal.BAD_CREDENTIALS: StopReason.BAD_CREDENTIALS, Refusal.FORBIDDEN: StopReason.FORBIDDEN}
    return known.get(refused.refusal, StopReason.REFUSED)


def _batches(plans: Iterable[PlanReading]) -> Iterator[tuple[PlanReading, ...]]:
    rest = iter(plans)
    while batch := tuple(islice(rest, PAGE_SIZE)):
        yield batch
