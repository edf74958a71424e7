"""Planned ends that missed their time: a payment that nobody owes may follow, so the alarm rings within the hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.mail import merchants
from portal.models import EndRequest, Merchant, Subscription, TimelineKind
from portal.queries import end_requests
from portal.services import notice_facts as facts
from portal.services import outbox, timeline
from portal.services.context import Context
from portal.services.recipients import to_merchant

log = structlog.get_logger(__name__)

LISTED: Final = 20  # requests named in one mail
TOGETHER: Final = timedelta(seconds=60)  # those found within it are one mail
DESK: Final = "/admin/"


def tell(ctx: Context, session: Session, request: EndRequest, subscription: Subscription, *, now: datetime) -> None:
    """Mark a locked request as late, in its timeline and in the merchant's one mail about all of them.

    A mail that has not left yet is written anew; one that has is followed by another.
    """
    request.late_told_at = now
    timeline.note(
        session, subscription, TimelineKind.END_LATE, key=str(request.id), at=now, reference=request.reference
    )
    log.error("planned_end_missed", request_id=str(request.id))
    session.flush()
    merchant = session.get_one(Merchant, request.merchant_id)
    late = end_requests.late(session, merchant.id, limit=LISTED)
    composed = merchants.merchant_end_late(
        facts.letterhead(ctx, merchant, merchant.locale),
        late=tuple(facts.waiting_facts(row) for row in late),
        path=DESK,
    )
    key = f"ends-late:{merchant.id}:{now:%Y%m%d%H}"
    if not outbox.rewrite(ctx, session, key, composed):
        to_merchant(ctx, session, merchant, composed, key=key, now=now, send_at=now + TOGETHER)
