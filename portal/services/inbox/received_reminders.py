"""The merchant is told of what waits for them: at once, after two and five working days, and before a payment."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal.domain.ends.received_requests import REMINDED_AFTER, reminders
from portal.logs import place_of
from portal.models import NewsKind, ReceivedRequest
from portal.queries.ends import received_requests as stored
from portal.queries.law import declarations
from portal.queries.merchants import merchant_news as news
from portal.queries.people import merchants
from portal.services.context import Context
from portal.services.notices import merchant_news
from portal.services.notices.recipients import Post

log = structlog.get_logger(__name__)

BATCH = 200
AT_ONCE = f"{REMINDED_AFTER[0]}d"


def tell_at_once(
    ctx: Context, session: Session, received: ReceivedRequest, *, known_to: uuid.UUID | None = None, now: datetime
) -> None:
    """Tell of a new one, in its transaction: what a near payment would bring to mind in an hour is said now.

    `known_to`: who of the team has just recorded it; the others are told.
    """
    zone = merchants.of(session, received.merchant_id).time_zone
    ((_row, payment),), _count = stored.at_risk(session, ReceivedRequest.id == received.id, limit=1, now=now)
    tell(ctx, session, received, reminders(now, payment, time_zone=zone, now=now), known_to=known_to, now=now)


def tell(
    ctx: Context,
    session: Session,
    received: ReceivedRequest,
    times: Sequence[str],
    *,
    known_to: uuid.UUID | None = None,
    now: datetime,
) -> None:
    """Put it into the merchant's next mail about what waits, once for each time. It is locked, or new."""
    post = Post.of(ctx, session, received.merchant_id, now=now)
    for time in times:
        merchant_news.tell(post, NewsKind.NOTIFIED, received, key=_key(received, time), known_to=known_to)


def remind(ctx: Context, *, now: datetime) -> None:
    """Tell of every open one whose time has come, once for each time; the news of a merchant are one mail.

    One that fails is logged and stops nobody behind it.  Raises RuntimeError then, at the end.
    """
    last, failed = None, 0
    while True:
        with ctx.db.read() as session:
            rows = stored.open_after(session, last, limit=BATCH, now=now)
            due = _due(session, rows, now=now)
        for received, times in due:
            try:
                _tell(ctx, received, times, now=now)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                failed += 1
                name, place = type(error).__name__, place_of(error)
                log.error("reminder_failed", received_request_id=str(received.id), error=name, place=place)
        if len(rows) < BATCH:
            break
        last = rows[-1][0].id
    if failed:
        raise RuntimeError(f"{failed} reminders")


def _due(
    session: Session, rows: Sequence[tuple[ReceivedRequest, datetime | None]], *, now: datetime
) -> list[tuple[ReceivedRequest, list[str]]]:
    ids = [received.id for received, _payment in rows]
    told, asked = news.told_of_received(session, ids), declarations.asked_elsewhere(session, ids)
    due = []
    for received, payment in rows:
        zone = merchants.of(session, received.merchant_id).time_zone
        came = reminders(received.open_since, payment, time_zone=zone, now=now)
        if received.id in asked:  # somebody else may still carry it out: the merchant is told where it lasts
            came = tuple(time for time in came if time != AT_ONCE)
        left = [time for time in came if not any(key.startswith(_key(received, time)) for key in told)]
        if left:
            due.append((received, left))
    return due


def _tell(ctx: Context, received: ReceivedRequest, times: list[str], *, now: datetime) -> None:
    with ctx.db.begin() as session:
        row = stored.lock(session, received.merchant_id, received.id)
        if row.is_open and row.open_since == received.open_since:
            tell(ctx, session, row, times, now=now)


def _key(received: ReceivedRequest, time: str) -> str:
    """Return what makes that it is told once for a time; open again, it is told anew."""
    return f"notified:{received.id}:{received.open_since.isoformat()}:{time}"
