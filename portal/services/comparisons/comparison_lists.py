"""The first phase of a comparison: PayPal's list of what changed, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog

from portal.clock import utc_now
from portal.models import ComparisonPhase, ComparisonRun, Provider
from portal.providers.ports import (
    GatewayRefused,
    GatewayUnavailable,
)
from portal.queries.comparisons import comparison_turns, comparisons
from portal.services.arrivals.import_pages import KEY_REFUSALS, Gathered
from portal.services.arrivals.import_rows import Origin
from portal.services.comparisons import comparison_plans, comparison_work, comparison_writes
from portal.services.comparisons.comparison_work import Batch, Halt, Work
from portal.services.comparisons.comparison_writes import Seen

log = structlog.get_logger(__name__)

PAGE_SIZE: Final = 20  # PayPal's largest (FACTS.md 5)


def read_page(work: Work, run: ComparisonRun) -> ComparisonRun:
    """Compare one page of PayPal's list; return the run as it stands afterwards."""
    if work.rest is None:
        return _leave_list(work, run)
    asked_at = utc_now()
    try:
        if run.next_page == 1:
            comparison_plans.read(work.ctx, run, work.rest)
        page = work.rest.list_subscriptions(page=run.next_page, page_size=PAGE_SIZE, changed_since=run.changed_since)
        gathered = comparison_work.gather_page(work, work.rest, run, page)
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
        held = comparison_work.hold(session, run)
        comparison_work.write(session, held, batch, work.pacer)
        held.failed += gathered.unreadable
        held.next_page += 1
        if not (page.has_next and (page.readings or page.unreadable)):  # a link alone could lead round for ever
            held.phase = ComparisonPhase.READS
    return held


def _compare_page(work: Work, run: ComparisonRun, gathered: Gathered, *, asked_at: datetime) -> Batch:
    batch = Batch(began=asked_at)
    ids = [reading.provider_id for reading in gathered.readings]
    with work.ctx.db.read() as session:
        known = comparison_turns.known(session, run.merchant_id, run.environment, ids)
    unknown = [reading for reading in gathered.readings if reading.provider_id not in known]
    for reading in gathered.readings:
        if reading.provider_id in known:
            seen = Seen(subscription=known.pop(reading.provider_id), reading=reading, asked_at=asked_at)
            comparison_work.compare(work, run, seen, batch, plans=gathered)
    if unknown:
        origin = Origin(run.merchant_id, run.environment)
        comparison_writes.add(work.ctx, run, origin, Gathered(readings=unknown, plans=gathered.plans))
        batch.compared += len(unknown)
    return batch


def _leave_list(work: Work, run: ComparisonRun, *notes: comparisons.Note) -> ComparisonRun:
    with work.ctx.db.begin() as session:
        held = comparison_work.hold(session, run)
        held.calls += work.pacer.taken()
        held.phase = ComparisonPhase.READS
        held.error = " ".join(sorted(comparisons.notes_of(held.error).union(notes)))
    return held
