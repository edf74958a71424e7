"""What customers told with the notifications that an end answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.ends.received_requests import ReceivedState
from portal.models import EndRequest, ReceivedRequest


@dataclass(frozen=True, kw_only=True)
class ToldBefore:
    """What customers told with the notifications that an end answers."""

    wished_on: date | None = None  # of the one whose reference the end bears
    comment: str = ""  # of all of them, oldest first


def told_before(session: Session, request: EndRequest) -> ToldBefore:
    """Return what was told with what the end answers; nothing, without a look, of one that answers nothing."""
    if request.notified_at is None:
        return ToldBefore()
    rows = session.scalars(
        select(ReceivedRequest)
        .where(
            ReceivedRequest.end_request_id == request.id,
            ReceivedRequest.state == ReceivedState.MATCHED,
            ReceivedRequest.received_at <= request.created_at,
        )
        .order_by(ReceivedRequest.received_at, ReceivedRequest.id)
    ).all()
    return ToldBefore(
        wished_on=next((row.wished_on for row in rows if row.reference == request.notified_reference), None),
        comment="\n".join(row.message for row in rows if row.message),
    )
