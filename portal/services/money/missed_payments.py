"""Three days before access closes for want of a payment, the customer is warned."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from portal.logs import place_of
from portal.queries import subscriptions
from portal.queries.money import missed_payments
from portal.services.batches import BATCH, Unfinished
from portal.services.context import Context
from portal.services.notices import missed_payment_notices

log = structlog.get_logger(__name__)

WARN_BEFORE: Final = timedelta(days=3)


def warn(ctx: Context, *, now: datetime) -> None:
    """Warn each customer once; a row that fails stops nobody behind it. Raises Unfinished at the end."""
    last: uuid.UUID | None = None
    failed = 0
    while True:
        with ctx.db.read() as session:
            keys = missed_payments.closing(session, since=now, until=now + WARN_BEFORE, after=last, limit=BATCH)
        for subscription_id, merchant_id in keys:
            try:
                with ctx.db.begin() as session:
                    locked = subscriptions.lock(session, merchant_id, subscription_id)
                    missed_payment_notices.access_closes(ctx, session, locked, now=now)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                failed += 1
                about = {"subscription_id": str(subscription_id), "error": type(error).__name__}
                log.error("warning_failed", **about, place=place_of(error))
        if len(keys) < BATCH:
            break
        last = keys[-1].id
    if failed:
        raise Unfinished(f"{failed} rows")
