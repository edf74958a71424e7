"""A comparison at work, in two phases: PayPal's list of what changed, then single reads of what is due.

No transaction is open while PayPal is asked.  What was asked for and not yet written is asked for again
after an interruption; what was written is not counted twice.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.models import ComparisonRun, ComparisonState, Provider, Subscription
from portal.providers.ports import (
    GatewayRefused,
    GatewayUnavailable,
    Page,
    Reading,
    Refusal,
    RestGateway,
    SubscriptionGateway,
)
from portal.queries.comparisons import comparisons
from portal.queries.merchants import paypal_accounts
from portal.services.arrivals.import_pages import Gathered, gather
from portal.services.arrivals.import_rows import Origin
from portal.services.comparisons import comparison_writes
from portal.services.comparisons.comparison_facts import difference
from portal.services.comparisons.comparison_pace import Pacer
from portal.services.comparisons.comparison_writes import Seen
from portal.services.context import Context
from portal.services.paypal.gateways import suspect_key

log = structlog.get_logger(__name__)

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


@dataclass(kw_only=True)
class Batch:
    """What a batch has come to so far. `last` is the last subscription that needs no second look."""

    began: datetime
    compared: int = 0
    unchanged: list[UUID] = field(default_factory=list)
    last: UUID | None = None
    waiting: list[tuple[Subscription, Refused]] = field(default_factory=list)  # without an answer so far


def ask_for_a_test(work: Work, run: ComparisonRun, provider: Provider) -> None:
    """Have the key tested, once a run: a 403 may be the key's, or the row's."""
    if work.has_asked_for_a_test:
        return
    work.has_asked_for_a_test = True
    with work.ctx.db.begin() as session:
        account = paypal_accounts.of_merchant(session, run.merchant_id, provider)
        if account is not None and account.checked_at <= run.created_at:
            suspect_key(session, run.merchant_id, provider, now=run.created_at)


def compare(work: Work, run: ComparisonRun, seen: Seen, batch: Batch, plans: Gathered | None = None) -> None:
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
    if found.has_other_plan and work.rest is not None and not run.dry_run:
        page = _with_plan(work, work.rest, run, seen.reading, plans)
        if not page.readings:
            comparison_writes.fail(work.ctx, run, seen.subscription, Refusal.FORBIDDEN.value)
            return
    comparison_writes.correct(work.ctx, run, seen, found, page)


def _with_plan(work: Work, rest: RestGateway, run: ComparisonRun, reading: Reading, plans: Gathered | None) -> Gathered:
    """Return the reading with the plan it names, asked for where it is unknown here; empty if it may not be seen."""
    if plans is not None:
        return Gathered(readings=[reading], plans=plans.plans)
    try:
        return gather_page(work, rest, run, Page(readings=(reading,), has_next=False))
    except (GatewayRefused, GatewayUnavailable) as error:
        raise Halt(Provider.PAYPAL_REST, error) from error


def write(session: Session, held: ComparisonRun, batch: Batch, pacer: Pacer) -> None:
    held.compared += batch.compared
    held.calls += pacer.taken()
    if not held.dry_run:
        comparison_writes.touch(session, batch.unchanged, read_at=batch.began)


def gather_page(work: Work, rest: RestGateway, run: ComparisonRun, page: Page) -> Gathered:
    """Gather a page; what the key may not see of it counts as unreadable and hides nothing else."""
    try:
        return gather(work.ctx, Origin(run.merchant_id, run.environment), rest, page)
    except GatewayRefused as refused:
        if refused.refusal is not Refusal.FORBIDDEN:
            raise
    ask_for_a_test(work, run, Provider.PAYPAL_REST)
    if len(page.readings) < 2:
        return Gathered(unreadable=page.unreadable + len(page.readings))
    found = Gathered(unreadable=page.unreadable)
    for reading in page.readings:
        alone = gather_page(work, rest, run, Page(readings=(reading,), has_next=False))
        found.readings += alone.readings
        found.plans |= alone.plans
        found.unreadable += alone.unreadable
    return found
