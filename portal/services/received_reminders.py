"""The merchant is told of what waits for them: at once, after two and five working days, and before a payment."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from portal.domain.received_requests import reminders
from portal.models import Merchant, ReceivedRequest
from portal.queries import merchant_news
from portal.queries import received_requests as stored
from portal.services.context import Context
from portal.services.received_requests import reminder_key, tell_merchant

BATCH = 200


def remind(ctx: Context, *, now: datetime) -> None:
    """Tell of every open one whose time has come, once for each time; the news of a merchant are one mail."""
    last: uuid.UUID | None = None
    while True:
        with ctx.db.read() as session:
            rows = stored.open_after(session, last, limit=BATCH)
            due = _due(session, rows, now=now)
        for received, times in due:
            _tell(ctx, received, times, now=now)
        if len(rows) < BATCH:
            return
        last = rows[-1][0].id


def _due(
    session: Session, rows: Sequence[tuple[ReceivedRequest, datetime | None]], *, now: datetime
) -> list[tuple[ReceivedRequest, list[str]]]:
    told = merchant_news.told_of_received(session, [received.id for received, _payment in rows])
    due = []
    for received, payment in rows:
        zone = session.get_one(Merchant, received.merchant_id).time_zone
        came = reminders(received.open_since, payment, time_zone=zone, now=now)
        left = [time for time in came if not any(key.startswith(reminder_key(received, time)) for key in told)]
        if left:
            due.append((received, left))
    return due


def _tell(ctx: Context, received: ReceivedRequest, times: list[str], *, now: datetime) -> None:
    with ctx.db.begin() as session:
        row = stored.lock(session, received.merchant_id, received.id)
        if row.is_open and row.open_since == received.open_since:
            for time in times:
                tell_merchant(ctx, session, row, time, now=now)
