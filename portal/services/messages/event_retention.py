"""Forget the raw bodies of PayPal's messages after a time; what they led to stays (docs/operations.md)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import update

from portal.domain.law.retention import FIXED_DAYS, Kind
from portal.models import PayPalEvent
from portal.queries.messages import paypal_events
from portal.services.context import Context

log = structlog.get_logger(__name__)

KEEP_BODIES: Final = FIXED_DAYS[Kind.MESSAGES]  # names, addresses and amounts stand in them (law.md R-GD-3)
BATCH: Final = 1000


def purge(ctx: Context, *, merchant_id: uuid.UUID | None = None, now: datetime) -> int:
    """Empty every body that came before `now` less 30 days, of one merchant or of all; return how many.

    One that still waits keeps its own until it is done or given up.  One that was given up, and of which nothing is
    left to read, needs nobody any more.
    """
    emptied = 0
    while True:
        count = _purge_batch(ctx, merchant_id, before=now - KEEP_BODIES)
        emptied += count
        if count < BATCH:
            break
    if emptied:
        log.info("event_bodies_purged", count=emptied)
    return emptied


def _purge_batch(ctx: Context, merchant_id: uuid.UUID | None, *, before: datetime) -> int:
    old = paypal_events.with_old_body(merchant_id, before=before, limit=BATCH)
    with ctx.db.begin() as session:
        emptied = (
            update(PayPalEvent)
            .where(PayPalEvent.id.in_(old))
            .values(body=None, state=paypal_events.state_without_text())
        )
        return session.connection().execute(emptied).rowcount
