"""The second phase of a comparison: single reads of what is due, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import structlog

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import ComparisonRun, ComparisonState, Subscription
from portal.providers.ports import (
    GatewayRefused,
    GatewayUnavailable,
    Reading,
    Refusal,
    SubscriptionGateway,
)
from portal.queries.comparisons import comparison_turns
from portal.services.arrivals.import_pages import SILENCES
from portal.services.comparisons import comparison_work, comparison_writes
from portal.services.comparisons.comparison_work import Batch, Halt, Refused, Work
from portal.services.comparisons.comparison_writes import Seen

log = structlog.get_logger(__name__)

BATCH: Final = 100  # subscriptions asked for between two writes: ten seconds at the usual pace


def read_due(work: Work, run: ComparisonRun) -> ComparisonRun:
    """Read the next batch of what is due; return the run as it stands afterwards, *done* after the last."""
    with work.ctx.db.read() as session:
        rows = comparison_turns.due_batch(session, run, work.gateways.keys(), now=utc_now(), limit=BATCH)
    batch = Batch(began=utc_now())
    try:
        _compare_all(work, run, rows, batch)
    finally:  # also when PayPal stopped answering in the middle: what was compared is kept
        with work.ctx.db.begin() as session:
            held = comparison_work.hold(session, run)
            comparison_work.write(session, held, batch, work.pacer)
            held.after_id = batch.last or held.after_id
            if not rows:
                held.state, held.finished_at = ComparisonState.DONE, utc_now()
    return held


def _compare_all(work: Work, run: ComparisonRun, rows: Sequence[Subscription], batch: Batch) -> None:
    for row, asked_at, answer in _answers(work, rows):
        if isinstance(answer, Reading):
            _give_up(work, run, batch)
            comparison_work.compare(work, run, Seen(subscription=row, reading=answer, asked_at=asked_at), batch)
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
            comparison_work.ask_for_a_test(work, run, row.provider)
        comparison_writes.fail(work.ctx, run, row, refusal.value)
