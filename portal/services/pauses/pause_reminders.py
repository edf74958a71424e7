"""The day before payments start again, the customer is told: when, and how much."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from portal.domain.pauses import REMIND_BEFORE
from portal.domain.subscriptions import Status
from portal.logs import place_of
from portal.models import PauseRequest
from portal.queries import carrying, pauses, subscriptions
from portal.services.batches import BATCH, Unfinished
from portal.services.context import Context
from portal.services.notices import pause_notices

log = structlog.get_logger(__name__)


def remind(ctx: Context, *, now: datetime) -> None:
    """Tell each customer once; a row that fails stops nobody behind it. Raises Unfinished at the end."""
    last, failed = None, 0
    while True:
        with ctx.db.read() as session:
            keys = pauses.to_remind(session, now=now, until=now + REMIND_BEFORE, after=last, limit=BATCH)
        for key in keys:
            try:
                _tell(ctx, key, now=now)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                failed += 1
                log.error("reminder_failed", request_id=str(key.id), error=type(error).__name__, place=place_of(error))
        if len(keys) < BATCH:
            break
        last = keys[-1].id
    if failed:
        raise Unfinished(f"{failed} rows")


def _tell(ctx: Context, key: pauses.Key, *, now: datetime) -> None:
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, key.merchant_id, key.subscription_id)
        request = carrying.lock(session, PauseRequest, key.id)
        if not request.waits(now) or request.reminded_at is not None or subscription.status is not Status.PAUSED:
            return
        request.reminded_at = now
        pause_notices.resume_soon(ctx, session, request, now=now)
