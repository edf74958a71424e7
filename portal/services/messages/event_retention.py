"""Forget the raw bodies of PayPal's messages after a time; what they led to stays (docs/operations.md)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import update

from portal.models import PayPalEvent
from portal.queries.messages import paypal_events
from portal.services.context import Context

log = structlog.get_logger(__name__)

KEEP_BODIES: Final = timedelta(days=30)  # names, addresses and amounts stand in them (law.md R-GD-3)
BATCH: Final = 1000


def purge(ctx: Context, *, now: datetime) -> int:
    """Empty every body that came before `now` less 30 days, a batch a transaction; return how many.

    One that still waits keeps its own until it is done or given up.
    """
    emptied = 0
    while True:
        count = _purge_batch(ctx, before=now - KEEP_BODIES)
        emptied += count
        if count < BATCH:
            break
    if emptied:
        log.info("event_bodies_purged", count=emptied)
    return emptied


def _purge_batch(ctx: Context, *, before: datetime) -> int:
    old = paypal_events.with_old_body(before=before, limit=BATCH)
    with ctx.db.begin() as session:
        emptied = update(PayPalEvent).where(PayPalEvent.id.in_(old)).values(body=None)
        return session.connection().execute(emptied).rowcount
