"""When a row is carried to PayPal next: one job a row, written with what it follows from. Every plan is made here."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal import queue
from portal.models import EndRequest, PauseRequest, Refund, Settlement
from portal.queries.ends import carrying
from portal.queries.merchants import merchant_news

Carried = EndRequest | PauseRequest | Refund | Settlement
CARRIED: Final[tuple[type[Carried], ...]] = (EndRequest, PauseRequest, Refund, Settlement)

HEAD_START: Final = timedelta(seconds=10)  # whoever clicked tries first; the worker takes over what the page left


def plan(session: Session, row: Carried, *, at: datetime) -> None:
    """Give the row a job at that time; one that comes too early, or a second time, finds nothing to do."""
    if isinstance(row, EndRequest):
        queue.defer(
            session,
            queue.CARRY_OUT_END,
            at=at,
            rank=queue.rank_of_end(row.channel),
            merchant_id=str(row.merchant_id),
            request_id=str(row.id),
        )
    elif isinstance(row, PauseRequest):
        queue.defer(session, queue.CARRY_OUT_PAUSE, at=at, merchant_id=str(row.merchant_id), request_id=str(row.id))
    elif isinstance(row, Settlement):
        queue.defer(session, queue.SETTLE, at=at, merchant_id=str(row.merchant_id), settlement_id=str(row.id))
    else:
        queue.defer(session, queue.REFUND, at=at, merchant_id=str(row.merchant_id), refund_id=str(row.id))


def again(session: Session, row: Carried, *, at: datetime) -> None:
    """Write when the row is tried again, with its job."""
    row.next_try_at = at
    plan(session, row, at=at)


def retry_all(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> int:
    """Try again what waits for the merchant, for example once the key works; return how many rows.

    Rows of other subscriptions are held without those: so what comes last of all is locked before them.
    """
    merchant_news.lock(session, merchant_id)
    waiting = [found for row in CARRIED for found in carrying.lock_waiting(session, row, merchant_id)]
    for row in waiting:
        again(session, row, at=now)
    return len(waiting)
