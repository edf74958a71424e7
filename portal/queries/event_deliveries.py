"""Deliveries of events: what is due of one endpoint, and what its log shows."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from portal.models import EventDelivery
from portal.queries.event_endpoints import IS_WAITING


def claim(
    session: Session, endpoint_id: uuid.UUID, *, now: datetime, until: datetime, limit: int
) -> list[EventDelivery]:
    """Take what is due of an endpoint, the longest waiting first, with its events; nobody else does before `until`.

    What another worker takes at this moment is left to it.
    """
    taken = (
        select(EventDelivery.id)
        .where(EventDelivery.endpoint_id == endpoint_id, IS_WAITING, EventDelivery.next_try_at <= now)
        .order_by(EventDelivery.next_try_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(taken))
    if not ids:
        return []
    session.execute(update(EventDelivery).where(EventDelivery.id.in_(ids)).values(next_try_at=until))
    found = select(EventDelivery).where(EventDelivery.id.in_(ids)).options(joinedload(EventDelivery.event))
    rows = session.scalars(found.execution_options(populate_existing=True))
    return sorted(rows, key=lambda row: (row.event.created_at, row.event.sequence or 0))
