"""Planned ends that missed their time: a payment that nobody owes may follow, so the alarm rings within the hour."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from portal.models import EndRequest, NewsKind, Subscription, TimelineKind
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.notices import merchant_news
from portal.services.notices.recipients import Post

log = structlog.get_logger(__name__)


def tell(ctx: Context, session: Session, request: EndRequest, subscription: Subscription, *, now: datetime) -> None:
    """Mark a locked request as late: in its timeline, in the inbox, and in the merchant's next mail about such ends."""
    request.late_told_at = now
    timeline.note(
        session, subscription, TimelineKind.END_LATE, key=str(request.id), at=now, reference=request.reference
    )
    log.error("planned_end_missed", request_id=str(request.id))
    post = Post.of(ctx, session, request.merchant_id, now=now)
    merchant_news.tell(post, NewsKind.LATE, request, key=f"late:{request.id}")
