"""The day before payments start again, the customer is told: when, and how much."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from portal.domain.ends.pauses import REMIND_BEFORE
from portal.domain.subscriptions import Status
from portal.models import PauseRequest
from portal.queries import subscriptions
from portal.queries.ends import carrying, pauses
from portal.services.batches import each
from portal.services.context import Context
from portal.services.notices import pause_notices


def remind(ctx: Context, *, now: datetime) -> None:
    """Tell each customer once; a row that fails stops nobody behind it. Raises Unfinished at the end."""

    def tell(session: Session, key: pauses.Key) -> None:
        subscription = subscriptions.lock(session, key.merchant_id, key.subscription_id)
        request = carrying.lock(session, PauseRequest, key.id)
        if not request.waits(now) or request.reminded_at is not None or subscription.status is not Status.PAUSED:
            return
        request.reminded_at = now
        pause_notices.resume_soon(ctx, session, request, now=now)

    each(ctx.db, partial(pauses.to_remind, now=now, until=now + REMIND_BEFORE), tell, event="reminder_failed")
