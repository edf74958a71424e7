"""Carry out an act on many subscriptions: a job per row, a few at once, at the merchant's pace.

A planner looks every few seconds and gives rows to workers; a job that has finished its row goes on with the next one
for some seconds, since another worker would find the job of it within a second only.
What counts is in the rows: jobs may run twice, late, or be lost.  A row's link to its request commits with the
request, so that whatever dies, each row ends in one outcome.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Row, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal import queue
from portal.clock import utc_now
from portal.domain.ends.bulk_acts import ASKS, Effect, effect_of
from portal.domain.ends.end_requests import Channel, is_planned
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Actor
from portal.domain.subscriptions import IllegalTransition
from portal.extensions import Busy
from portal.logs import place_of
from portal.models import BulkAct, BulkRow, BulkRowState, BulkState, Hold
from portal.queries.ends import bulk_acts
from portal.services.carrying import end_carrying
from portal.services.context import Context
from portal.services.ends import end_requests
from portal.services.ends.end_requests import OverAlready, Recorded
from portal.services.ends.end_wishes import Wish

log = structlog.get_logger(__name__)

ROWS_PER_SECOND: float | None = 5.0  # of one merchant: PayPal publishes no limit; None lets all through
BURST: Final = timedelta(seconds=4)  # of unused pace that may be caught up
ROWS_PER_WORKER: Final = 2  # at once, of a worker's `queue.CONCURRENCY`: the rest is for people who wait
LOOK_AGAIN: Final = timedelta(seconds=2)
HELD_LOOK: Final = timedelta(seconds=30)
MOST_UNANSWERED: Final = 20  # ends that wait for a silent PayPal: no more are added
SILENCE: Final = timedelta(minutes=10)
DEAD_AFTER: Final = timedelta(seconds=20)  # a worker without a sign of life
LOST: Final = timedelta(minutes=2)
LOOKS: Final = 3  # at a row whose state changes under our hands


class RowReason(StrEnum):
    """Why a row was left as it is; the page has a sentence for each."""

    HAS_REQUEST = "has_request"
    NOTIFIED = "notified"
    WISHED_LATER = "wished_later"
    IS_OVER = "is_over"
    NOT_POSSIBLE = "not_possible"
    NOT_ALLOWED = "not_allowed"
    DROPPED = "dropped"
    DEFECT = "defect"  # of ours: named in the log


class _Changed(Exception):
    """The subscription or the row is no longer what was seen: undo, and look again."""


def plan_next(session: Session, act: BulkAct, *, at: datetime, now: datetime) -> None:
    """Have the planner look at the act; its earlier jobs become void."""
    act.turn += 1
    act.touched_at = now
    later = at if at > now else None
    queue.defer(session, queue.PLAN_BULK_ACT, at=later, act_id=str(act.id), turn=act.turn)


def plan(ctx: Context, act_id: uuid.UUID, turn: int, *, now: datetime) -> None:
    """Give rows to workers, or see why not, and come back; when no row waits any more, the act is done."""
    with ctx.db.begin() as session:
        act = bulk_acts.lock(session, act_id)
        if act is None or act.state is not BulkState.RUNNING or act.turn != turn:
            return
        act.held, until = _hold(session, act, now=now)
        _defer(session, _next_rows(session, act, now=now))
        if _is_done(session, act):
            act.state, act.finished_at, act.touched_at = BulkState.DONE, now, now
            log.info("bulk_act_done", act_id=str(act_id))
            return
        plan_next(session, act, at=until, now=now)


def run_row(ctx: Context, row_id: uuid.UUID, *, seconds: float = 0.0) -> None:
    """Do one row: record its request with its link, carry it to PayPal, give out the next rows, go on with one of them.

    A database that does not answer is raised, so that the job is tried again: its own row is then done, and one that
    it went on with is given out anew by the sweep.  `seconds`: how long it goes on with further rows.
    """
    until, mine = time.monotonic() + seconds, row_id
    while (act_id := _run(ctx, mine)) is not None:
        with ctx.db.begin() as session:
            act = bulk_acts.lock(session, act_id)
            if act is None or act.state is not BulkState.RUNNING:
                return
            given = _next_rows(session, act, now=utc_now())
            goes_on = bool(given) and time.monotonic() < until
            _defer(session, given[goes_on:])
        if not goes_on:
            return
        mine = given[0]


def sweep(ctx: Context, *, now: datetime) -> int:
    """Go on where a job was lost: acts without a planner, rows whose worker never came back; return how many."""
    with ctx.db.begin() as session:
        rows = bulk_acts.lost_rows(session, before=now - LOST, limit=500)
        for row in rows:
            row.given_at = None
    with ctx.db.read() as session:
        forgotten = bulk_acts.forgotten(session, before=now - LOST)
    for act_id in forgotten:
        with ctx.db.begin() as session:
            act = bulk_acts.lock(session, act_id)
            if act is not None and act.state is BulkState.RUNNING and act.touched_at < now - LOST:
                plan_next(session, act, at=now, now=now)
    return len(rows) + len(forgotten)


def _run(ctx: Context, row_id: uuid.UUID) -> uuid.UUID | None:
    """Do the row, and return its act; None when there is no such row."""
    with ctx.db.read() as session:
        found = bulk_acts.row_to_run(session, row_id)
    if found is None:
        return None
    row, act = found.BulkRow, found.BulkAct
    try:
        request_id = row.end_request_id if row.state is BulkRowState.ASKED else _ask(ctx, found, now=utc_now())
        if request_id is not None:
            end_carrying.carry_out(ctx, act.merchant_id, request_id)
    except (OperationalError, InterfaceError, Busy):
        raise
    except Exception as error:  # the row's own: it must not keep the others waiting, and it is seen
        log.error("bulk_row_failed", row_id=str(row_id), error=type(error).__name__, place=place_of(error))
        _skip(ctx, row_id, RowReason.DEFECT, now=utc_now())
    return act.id  # type: ignore[no-any-return]


def _ask(ctx: Context, found: Row[Any], *, now: datetime) -> uuid.UUID | None:
    """Do what the row's subscription allows now; return the request to carry out, if one was made."""
    row_id = found.BulkRow.id
    for look in range(LOOKS):
        if look:
            with ctx.db.read() as session:
                found = bulk_acts.row_to_run(session, row_id)  # type: ignore[assignment] # rows are never taken away
        if found.BulkRow.state is not BulkRowState.WAITING:
            return None
        if found.BulkAct.state is not BulkState.RUNNING:
            return None  # stopped: it stays waiting
        in_the_way = found.request_id is not None and not is_planned(found.request_state, found.due_at, now=now)
        effect = effect_of(
            found.status,
            found.BulkAct.action,
            has_request=in_the_way,
            notified=found.notified,
            wished_later=found.wished_later,
        )
        try:
            return _do(ctx, found.BulkRow, found.BulkAct, effect, standing=found.request_id, now=now)
        except (_Changed, IllegalTransition, OverAlready):
            continue
        except NotAllowed as error:
            if error.denial is Denial.NOTIFIED:
                continue  # its customer asked a moment ago
            _skip(ctx, row_id, RowReason.NOT_ALLOWED, now=now)
            return None
    raise RuntimeError("the subscription changed at every look")


def _do(
    ctx: Context, row: BulkRow, act: BulkAct, effect: Effect, *, standing: uuid.UUID | None, now: datetime
) -> uuid.UUID | None:
    """Do the effect; raise _Changed when it is no longer the one that was seen."""
    if effect in ASKS:
        asked = end_requests.record(ctx, _wish(row, act), now=now, also=partial(_note_asked, row_id=row.id, now=now))
        return asked.request_id if asked.is_new else None
    if effect is Effect.LOCAL:
        end_requests.mark_abandoned(ctx, _wish(row, act), now=now, also=partial(_note_local, row_id=row.id, now=now))
        return None
    request_id = standing if effect is Effect.HAS_REQUEST else None
    _skip(ctx, row.id, RowReason(effect.value), now=now, request_id=request_id)
    return None


def _wish(row: BulkRow, act: BulkAct) -> Wish:
    return Wish(
        merchant_id=act.merchant_id,
        subscription_id=row.subscription_id,
        action=act.action,
        actor=Actor.STAFF,
        channel=Channel.BULK,
        actor_id=act.staff_id,
        actor_name=act.staff_name,
        role=act.role,
        reason_text=act.internal_note,
        provider_note=act.provider_note,
    )


def _note_asked(session: Session, recorded: Recorded, *, row_id: uuid.UUID, now: datetime) -> None:
    """Write the row's outcome in the request's own transaction."""
    outcome: dict[str, Any] = {"state": BulkRowState.ASKED}
    if not recorded.is_new:
        outcome = {"state": BulkRowState.SKIPPED, "reason": RowReason.HAS_REQUEST}
    _write_waiting(session, row_id, end_request_id=recorded.request_id, done_at=now, **outcome)


def _note_local(session: Session, *, row_id: uuid.UUID, now: datetime) -> None:
    _write_waiting(session, row_id, state=BulkRowState.LOCAL, done_at=now)


def _skip(
    ctx: Context, row_id: uuid.UUID, reason: RowReason, *, now: datetime, request_id: uuid.UUID | None = None
) -> None:
    """Leave the row's subscription as it is, and say why."""
    with ctx.db.begin() as session:
        row = bulk_acts.lock_row(session, row_id)
        if row.state is BulkRowState.WAITING:
            row.state, row.reason, row.done_at = BulkRowState.SKIPPED, reason, now
            row.end_request_id = request_id


def _write_waiting(session: Session, row_id: uuid.UUID, **outcome: Any) -> None:
    waiting = update(BulkRow).where(BulkRow.id == row_id, BulkRow.state == BulkRowState.WAITING)
    written = session.execute(waiting.values(**outcome).returning(BulkRow.id)).one_or_none()
    if written is None:
        raise _Changed  # another job of the row was quicker: undo all of this one


def _hold(session: Session, act: BulkAct, *, now: datetime) -> tuple[Hold, datetime]:
    """Return why no row may be given out now, and when to look again."""
    if bulk_acts.has_elder(session, act):
        return Hold.TURN, now + LOOK_AGAIN
    key = bulk_acts.next_key(session, act)
    if key is not None and key.calm_until is not None and key.calm_until > now:
        return Hold.CALM, key.calm_until
    if key is not None and key.broken_since is not None:
        return Hold.KEY, now + HELD_LOOK
    unanswered = bulk_acts.unanswered(session, act.merchant_id, since=now - SILENCE, most=MOST_UNANSWERED)
    if unanswered >= MOST_UNANSWERED:
        return Hold.SILENCE, now + HELD_LOOK
    return Hold.NONE, now + LOOK_AGAIN


def _defer(session: Session, rows: Iterable[uuid.UUID]) -> None:
    for row_id in rows:
        queue.defer(session, queue.RUN_BULK_ROW, row_id=str(row_id))


def _next_rows(session: Session, act: BulkAct, *, now: datetime) -> list[uuid.UUID]:
    """Take the next rows, as many as may run at once and as the pace allows. The act is locked."""
    if act.held is not Hold.NONE:
        return []
    at_once = bulk_acts.at_once(session, act.id, dead_after=DEAD_AFTER)
    share = max(1, ROWS_PER_WORKER * max(1, at_once.workers) // max(1, at_once.running))
    number = min(share - at_once.given, _allowed(act, now=now))
    if number <= 0:
        return []
    rows = bulk_acts.left(session, act.id, limit=number)
    for row in rows:
        row.given_at = now
    if ROWS_PER_SECOND is not None:
        used_from = max(act.paced_at or now - BURST, now - BURST)
        act.paced_at = used_from + timedelta(seconds=len(rows) / ROWS_PER_SECOND)
    return [row.id for row in rows]


def _allowed(act: BulkAct, *, now: datetime) -> int:
    """Return how many rows the pace allows now: what has not been used, of the last seconds at most."""
    if ROWS_PER_SECOND is None:
        return queue.CONCURRENCY * ROWS_PER_WORKER * 100
    unused = now - max(act.paced_at or now - BURST, now - BURST)
    return int(unused.total_seconds() * ROWS_PER_SECOND)


def _is_done(session: Session, act: BulkAct) -> bool:
    return not bulk_acts.has_waiting(session, act.id)
