"""What a wrong clock wrote is mended: past moments that lie ahead count as now, and so do tries beyond every ladder.

One look a minute, by the database's own clock, at what is open or waits; the sweeps then find it as any other that
lost its job.  A promised day (`due_at`, `resume_at`, `owed_until`) lies ahead by right: none is named here, and
none becomes due by this (docs/decisions/0015).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Text, case, cast, column, func, select, table, update
from sqlalchemy import and_ as both
from sqlalchemy.orm import InstrumentedAttribute

from portal import queue
from portal.clock import SLACK
from portal.domain.ends import end_requests, pauses
from portal.domain.money import refunds, settlements
from portal.models import (
    BulkAct,
    BulkRow,
    BulkRowState,
    BulkState,
    Comeback,
    ComparisonRun,
    ComparisonState,
    EndRequest,
    EventState,
    ImportRun,
    ImportState,
    LoginSession,
    Mail,
    MailState,
    PauseRequest,
    PayPalAccount,
    PayPalEvent,
    ProfileImport,
    Refund,
    Settlement,
    Subscription,
)
from portal.services.context import Context
from portal.services.people.sessions import ABSOLUTE

log = structlog.get_logger(__name__)

LADDER: Final = timedelta(hours=7)  # the longest wait of any ladder is six hours and its jitter
DAY: Final = timedelta(days=1)  # the longest that PayPal may ask us to wait, and that a token lives
WATCH: Final = timedelta(days=13)  # the last look for money comes twelve days after the payment that was not taken
BATCH: Final = 500
JOBS: Final = table("procrastinate_jobs", column("id"), column("status"), column("task_name"), column("scheduled_at"))
ON_A_DAY: Final = (queue.CARRY_OUT_END, queue.CARRY_OUT_PAUSE)  # their rows say when, and have sweeps of their own

Moment = InstrumentedAttribute[Any]


def ladder(row: type[EndRequest] | type[PauseRequest] | type[Refund] | type[Settlement]) -> ColumnElement[timedelta]:
    """Return the longest wait after so many tries; of one that PayPal asked to wait, the longest of all."""
    waits = [
        (row.attempts <= tries, wait * (1 + end_requests.JITTER) + SLACK)
        for tries, wait in enumerate(end_requests.RETRY_DELAYS, start=1)
    ]
    return case((row.trouble == end_requests.Trouble.RATE_LIMITED, LADDER), *waits, else_=LADDER)


# What may be wrong: of which rows, the moments that have been, the tries that wait, and by how much these may.
OPEN_END: Final = EndRequest.state.in_(end_requests.OPEN)
OPEN_PAUSE: Final = PauseRequest.state.in_(pauses.OPEN)
OPEN_REFUND: Final = Refund.state.in_(refunds.OPEN)
OPEN_SETTLEMENT: Final = Settlement.state.in_(settlements.OPEN)
COMING_BACK: Final = Comeback.next_try_at.is_not(None)
RULES: Final[tuple[tuple[ColumnElement[bool], Moment, timedelta | ColumnElement[timedelta]], ...]] = (
    *((OPEN_END, one, SLACK) for one in (EndRequest.created_at, EndRequest.claimed_at, EndRequest.accepted_at)),
    (OPEN_END, EndRequest.next_try_at, ladder(EndRequest)),
    *((OPEN_PAUSE, one, SLACK) for one in (PauseRequest.created_at, PauseRequest.claimed_at, PauseRequest.accepted_at)),
    (OPEN_PAUSE, PauseRequest.next_try_at, ladder(PauseRequest)),
    *((OPEN_REFUND, one, SLACK) for one in (Refund.created_at, Refund.claimed_at)),
    (OPEN_REFUND, Refund.next_try_at, ladder(Refund)),
    *(
        (OPEN_SETTLEMENT, one, SLACK)
        for one in (Settlement.created_at, Settlement.claimed_at, Settlement.sent_at, Settlement.accepted_at)
    ),
    (OPEN_SETTLEMENT, Settlement.next_try_at, ladder(Settlement)),
    *((COMING_BACK, one, SLACK) for one in (Comeback.claimed_at, Comeback.read_at, Comeback.waiting_since)),
    (COMING_BACK, Comeback.next_try_at, LADDER),
    *((BulkAct.state == BulkState.RUNNING, one, SLACK) for one in (BulkAct.touched_at, BulkAct.paced_at)),
    (BulkRow.state == BulkRowState.WAITING, BulkRow.given_at, SLACK),
    (ComparisonRun.state != ComparisonState.DONE, ComparisonRun.touched_at, SLACK),
    (ComparisonRun.state != ComparisonState.DONE, ComparisonRun.wait_until, DAY),
    (ImportRun.state != ImportState.DONE, ImportRun.touched_at, SLACK),
    (ProfileImport.state != ImportState.DONE, ProfileImport.touched_at, SLACK),
    (PayPalEvent.state == EventState.WAITING, PayPalEvent.received_at, SLACK),
    (PayPalEvent.state == EventState.WAITING, PayPalEvent.next_try_at, LADDER),
    (Mail.state == MailState.WAITING, Mail.created_at, SLACK),
    (Mail.state == MailState.WAITING, Mail.send_at, LADDER),
    (PayPalAccount.id.is_not(None), PayPalAccount.checked_at, SLACK),
    (PayPalAccount.id.is_not(None), PayPalAccount.calm_until, DAY),
    (PayPalAccount.id.is_not(None), PayPalAccount.token_expires_at, DAY),
    (LoginSession.revoked_at.is_(None), LoginSession.authenticated_at, SLACK),
    (LoginSession.revoked_at.is_(None), LoginSession.last_seen_at, SLACK),
    (LoginSession.revoked_at.is_(None), LoginSession.expires_at, max(ABSOLUTE.values()) + SLACK),
)


def mend(ctx: Context) -> int:
    """Take for now every moment that cannot be; return how many there were. Rows that somebody holds are left."""
    found = sum(_take_for_now(ctx, which, moment, moment > func.now() + by) for which, moment, by in RULES)
    last = func.greatest(func.now(), Subscription.unbilled_at, Subscription.stopped_at_provider_at) + WATCH
    watched = Subscription.next_watch_at
    found += _take_for_now(ctx, watched.is_not(None), watched, watched > last)
    return found + _free_jobs(ctx)


def _take_for_now(ctx: Context, which: ColumnElement[bool], moment: Moment, is_wrong: ColumnElement[bool]) -> int:
    row = moment.class_
    # The SELECT stays here: it is of whatever table the rule names.
    wrong = select(row.id).where(both(which, is_wrong)).limit(BATCH).with_for_update(key_share=True, skip_locked=True)
    with ctx.db.begin() as session:
        ids = session.scalars(wrong).all()
        if ids:
            session.execute(update(row).where(row.id.in_(ids)).values({moment: func.now()}))
            log.warning("moment_ahead_of_the_clock", table=row.__tablename__, column=moment.key, count=len(ids))
    return len(ids)


def _free_jobs(ctx: Context) -> int:
    """Let jobs that a wrong clock put off be done now: they look at their rows before they act."""
    wrong = both(
        cast(JOBS.c.status, Text) == "todo", JOBS.c.task_name.not_in(ON_A_DAY), JOBS.c.scheduled_at > func.now() + DAY
    )
    with ctx.db.begin() as session:
        return session.connection().execute(update(JOBS).where(wrong).values(scheduled_at=func.now())).rowcount
