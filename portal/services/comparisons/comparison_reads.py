"""The two phases of a comparison, a batch at a time: PayPal's list of what changed, then single reads of what is due.

No transaction is open while PayPal is asked.  What was asked for and not yet written is asked for again
after an interruption; what was written is not counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import ComparisonPhase, ComparisonRun, ComparisonState, Provider, Subscription
from portal.providers.ports import (
    GatewayRefused,
    GatewayUnavailable,
    Page,
    Reading,
    Refusal,
    RestGateway,
    SubscriptionGateway,
)
from portal.queries import paypal_accounts
from portal.queries.comparisons import comparison_turns, comparisons
from portal.services.arrivals.import_pages import KEY_REFUSALS, SILENCES, Gathered, gather
from portal.services.arrivals.import_rows import Origin
from portal.services.comparisons import comparison_plans, comparison_writes
from portal.services.comparisons.comparison_facts import difference
from portal.services.comparisons.comparison_pace import Pacer
from portal.services.comparisons.comparison_writes import Seen
from portal.services.context import Context
from portal.services.paypal.gateways import suspect_key

log = structlog.get_logger(__name__)

BATCH: Final = 100  # subscriptions asked for between two writes: ten seconds at the usual pace
PAGE_SIZE: Final = 20  # PayPal's largest (FACTS.md 5)

Refused = GatewayRefused | GatewayUnavailable


class Lost(Exception):
    """Another process took the run over: this one leaves it alone."""


class Halt(Exception):
    """PayPal no longer answers, or asks to wait, or refuses the key: the run stops here and goes on later."""

    def __init__(self, provider: Provider, error: Refused, *, was_tested: bool = False) -> None:
        super().__init__(str(error))
        self.provider = provider
        self.error = error
        self.was_tested = was_tested  # a test of the key has said it already


@dataclass(kw_only=True)
class Work:
    """What both phases need of a run that is at work."""

    ctx: Context
    gateways: dict[Provider, SubscriptionGateway]  # a key that is refused on the way is left out
    rest: RestGateway | None  # None: only classic subscriptions
    pacer: Pacer
    pool: Executor
    insist: bool = False  # leave behind, once, what stopped the run for hours: the list, or rows without an answer
    has_asked_for_a_test: bool = False


def hold(session: Session, run: ComparisonRun) -> ComparisonRun:
    """Return the run, locked, if it still stands where we left it; raise Lost otherwise."""
    held = comparisons.lock(session, run.id)
    ours = (run.phase, run.next_page, run.after_id)
    if held.state is not ComparisonState.RUNNING or (held.phase, held.next_page, held.after_id) != ours:
        raise Lost
    held.touched_at = utc_now()
    return held


def read_page(work: Work, run: ComparisonRun) -> ComparisonRun:
    """Compare one page of PayPal's list; return the run as it stands afterwards."""
    if work.rest is None:
        return _leave_list(work, run)
    origin, asked_at = Origin(run.merchant_id, run.environment), utc_now()
    try:
        if run.next_page == 1:
            comparison_plans.read(work.ctx, run, work.rest)
        page = work.rest.list_subscriptions(page=run.next_page, page_size=PAGE_SIZE, changed_since=run.changed_since)
        gathered = _gather(work, run, origin, page)
    except GatewayUnavailable as error:
        if error.http_status == 429 or not work.insist:
            raise Halt(Provider.PAYPAL_REST, error) from error
        work.insist = False
        log.warning("comparison_list_unavailable", run_id=str(run.id), debug_id=error.debug_id)
        return _leave_list(work, run, comparisons.Note.LIST_NOT_READ)
    except GatewayRefused as refused:
        if refused.refusal in KEY_REFUSALS:
            raise Halt(Provider.PAYPAL_REST, refused) from refused
        # The list is in no published contract (FACTS.md 1.2): without it, single reads find what changed.
        log.warning("comparison_list_refused", run_id=str(run.id), debug_id=refused.debug_id)
        return _leave_list(work, run, comparisons.Note.LIST_NOT_READ)
    batch = _compare_page(work, run, gathered, asked_at=asked_at)
    with work.ctx.db.begin() as session:
        held = hold(session, run)
        _write(session, held, batch, work.pacer)
        held.failed += gathered.unreadable
        held.next_page += 1
        if not (page.has_next and (page.readings or page.unreadable)):  # a link alone could lead round for ever
            held.phase = ComparisonPhase.READS
    return held


def read_due(work: Work, run: ComparisonRun) -> ComparisonRun:
    """Read the next batch of what is due; return the run as it stands afterwards, *done* after the last."""
    with work.ctx.db.read() as session:
        rows = comparison_turns.due_batch(session, run, work.gateways.keys(), now=utc_now(), limit=BATCH)
    batch = Batch(began=utc_now())
    try:
        _compare_all(work, run, rows, batch)
    finally:  # also when PayPal stopped answering in the middle: what was compared is kept
        with work.ctx.db.begin() as session:
            held = hold(session, run)
            _write(session, held, batch, work.pacer)
            held.after_id = batch.last or held.after_id
            if not rows:
                held.state, held.finished_at = ComparisonState.DONE, utc_now()
    return held


@dataclass(kw_only=True)
class Batch:
    """What a batch has come to so far. `last` is the last subscription that needs no second look."""

    began: datetime
    compared: int = 0
    unchanged: list[UUID] = field(default_factory=list)
    last: UUID | None = None
    waiting: list[tuple[Subscription, Refused]] = field(default_factory=list)  # without an answer so far


def _compare_page(work: Work, run: ComparisonRun, gathered: Gathered, *, asked_at: datetime) -> Batch:
    batch = Batch(began=asked_at)
    ids = [reading.provider_id for reading in gathered.readings]
    with work.ctx.db.read() as session:
        known = comparison_turns.known(session, run.merchant_id, run.environment, ids)
    unknown = [reading for reading in gathered.readings if reading.provider_id not in known]
    for reading in gathered.readings:
        if reading.provider_id in known:
            seen = Seen(subscription=known.pop(reading.provider_id), reading=reading, asked_at=asked_at)
            _compare(work, run, seen, batch, plans=gathered)
    if unknown:
        origin = Origin(run.merchant_id, run.environment)
        comparison_writes.add(work.ctx, run, origin, Gathered(readings=unknown, plans=gathered.plans))
        batch.compared += len(unknown)
    return batch


def _compare_all(work: Work, run: ComparisonRun, rows: Sequence[Subscription], batch: Batch) -> None:
    for row, asked_at, answer in _answers(work, rows):
        if isinstance(answer, Reading):
            _give_up(work, run, batch)
            _compare(work, run, Seen(subscription=row, reading=answer, asked_at=asked_at), batch)
            batch.last = row.id
        elif _is_about_all(answer):
            raise Halt(row.provider, answer) from answer
        elif _may_be_about_all(answer):
            batch.waiting.append((row, answer))
            if len(batch.waiting) >= SILENCES:
                _insist_or_halt(work, run, batch)
        else:
            _give_up(work, run, batch)
            _refused(work, run, row, answer, batch)
            batch.last = row.id
    if batch.waiting and batch.last is None:
        _insist_or_halt(work, run, batch)
    _give_up(work, run, batch)


def _insist_or_halt(work: Work, run: ComparisonRun, batch: Batch) -> None:
    """Nothing is answered: PayPal is away. After hours of tries it is these rows that are bad: they are left behind."""
    if not work.insist:
        row, answer = batch.waiting[0]
        raise Halt(row.provider, answer) from answer
    work.insist = False  # the next ones get as many tries
    _give_up(work, run, batch)


def _answers(work: Work, rows: Sequence[Subscription]) -> Iterator[tuple[Subscription, datetime, Reading | Refused]]:
    """Yield each row with PayPal's answer in the rows' order, a few calls ahead of whoever takes them."""
    futures = [work.pool.submit(_ask, work.gateways[row.provider], row.provider_id) for row in rows]
    try:
        for row, future in zip(rows, futures, strict=True):
            yield row, *future.result()
    finally:
        for future in futures:
            future.cancel()


def _ask(gateway: SubscriptionGateway, provider_id: str) -> tuple[datetime, Reading | Refused]:
    asked_at = utc_now()
    try:
        return asked_at, gateway.show_subscription(provider_id)
    except (GatewayRefused, GatewayUnavailable) as error:
        return asked_at, error


def _is_about_all(answer: Refused) -> bool:
    """Say whether the answer holds for every other row as well."""
    if isinstance(answer, GatewayUnavailable):
        return answer.http_status == 429
    return answer.refusal is Refusal.BAD_CREDENTIALS


def _may_be_about_all(answer: Refused) -> bool:
    """Say whether it does so if the next rows get it too: silence.

    A 403 may be the rows' own, another application's for instance (FACTS.md 1.5); a test of the key tells.
    """
    return isinstance(answer, GatewayUnavailable)


def _give_up(work: Work, run: ComparisonRun, batch: Batch) -> None:
    """PayPal answers others: what it did not answer is the rows' own trouble."""
    for row, _silence in batch.waiting:
        comparison_writes.fail(work.ctx, run, row, "unavailable")
        batch.last = row.id
    batch.waiting.clear()


def _refused(work: Work, run: ComparisonRun, row: Subscription, refused: Refused, batch: Batch) -> None:
    """PayPal forgets what was never approved (FACTS.md 1.4): that is no news. Any other refusal is."""
    refusal = refused.refusal if isinstance(refused, GatewayRefused) else Refusal.OTHER
    never_began = row.status is Status.PENDING or row.started_at is None
    if refusal is Refusal.NOT_FOUND and never_began:
        batch.compared += 1
        batch.unchanged.append(row.id)
    else:
        if refusal is Refusal.FORBIDDEN:
            _ask_for_a_test(work, run, row.provider)
        comparison_writes.fail(work.ctx, run, row, refusal.value)


def _ask_for_a_test(work: Work, run: ComparisonRun, provider: Provider) -> None:
    """Have the key tested, once a run: a 403 may be the key's, or the row's."""
    if work.has_asked_for_a_test:
        return
    work.has_asked_for_a_test = True
    with work.ctx.db.begin() as session:
        account = paypal_accounts.of_merchant(session, run.merchant_id, provider)
        if account is not None and account.checked_at <= run.created_at:
            suspect_key(session, run.merchant_id, provider, now=run.created_at)


def _compare(work: Work, run: ComparisonRun, seen: Seen, batch: Batch, plans: Gathered | None = None) -> None:
    row_id = seen.subscription.id
    batch.compared += 1
    try:
        found = difference(seen.subscription, seen.reading, now=utc_now())
    except Exception as error:
        comparison_writes.log_failure(run, seen.subscription, error)
        comparison_writes.fail(work.ctx, run, seen.subscription, "not_compared")
        return
    if found is None:
        batch.unchanged.append(row_id)
        return
    page = None
    if found.has_other_plan and not run.dry_run:
        page = _with_plan(work, run, seen.reading, plans)
        if not page.readings:
            comparison_writes.fail(work.ctx, run, seen.subscription, Refusal.FORBIDDEN.value)
            return
    comparison_writes.correct(work.ctx, run, seen, found, page)


def _with_plan(work: Work, run: ComparisonRun, reading: Reading, plans: Gathered | None) -> Gathered:
    """Return the reading with the plan it names, asked for where it is unknown here; empty if it may not be seen."""
    if plans is not None:
        return Gathered(readings=[reading], plans=plans.plans)
    assert work.rest is not None  # noqa: S101 - only REST subscriptions have another plan
    origin = Origin(run.merchant_id, run.environment)
    try:
        return _gather(work, run, origin, Page(readings=(reading,), has_next=False))
    except (GatewayRefused, GatewayUnavailable) as error:
        raise Halt(Provider.PAYPAL_REST, error) from error


def _write(session: Session, held: ComparisonRun, batch: Batch, pacer: Pacer) -> None:
    held.compared += batch.compared
    held.calls += pacer.taken()
    if not held.dry_run:
        comparison_writes.touch(session, batch.unchanged, read_at=batch.began)


def _gather(work: Work, run: ComparisonRun, origin: Origin, page: Page) -> Gathered:
    """Gather a page; what the key may not see of it counts as unreadable and hides nothing else."""
    assert work.rest is not None  # noqa: S101 - who has a page has a REST gateway
    try:
        return gather(work.ctx, origin, work.rest, page)
    except GatewayRefused as refused:
        if refused.refusal is not Refusal.FORBIDDEN:
            raise
    _ask_for_a_test(work, run, Provider.PAYPAL_REST)
    if len(page.readings) < 2:
        return Gathered(unreadable=page.unreadable + len(page.readings))
    found = Gathered(unreadable=page.unreadable)
    for reading in page.readings:
        alone = _gather(work, run, origin, Page(readings=(reading,), has_next=False))
        found.readings += alone.readings
        found.plans |= alone.plans
        found.unreadable += alone.unreadable
    return found


def _leave_list(work: Work, run: ComparisonRun, *notes: comparisons.Note) -> ComparisonRun:
    with work.ctx.db.begin() as session:
        held = hold(session, run)
        held.calls += work.pacer.taken()
        held.phase = ComparisonPhase.READS
        held.error = " ".join(sorted(comparisons.notes_of(held.error).union(notes)))
    return held
