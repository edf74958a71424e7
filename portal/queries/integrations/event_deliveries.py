"""Deliveries of events: what is due of one endpoint, and what its log shows."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal.domain.integrations.outgoing_events import DeliveryState
from portal.models import EventAttempt, EventDelivery, OutgoingEvent
from portal.queries.aliases import joined
from portal.queries.desk.keyset import PAGE, Place, Slice, keyset_page
from portal.queries.integrations.event_endpoints import IS_WAITING


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
        .with_for_update(key_share=True, skip_locked=True)
    )
    ids = list(session.scalars(taken))
    if not ids:
        return []
    session.execute(update(EventDelivery).where(EventDelivery.id.in_(ids)).values(next_try_at=until))
    found = joined(select(EventDelivery), (EventDelivery.event,)).where(EventDelivery.id.in_(ids))
    rows = session.scalars(found.execution_options(populate_existing=True))
    return sorted(rows, key=lambda row: (row.event.created_at, row.event.sequence or 0))


def page_of(
    session: Session,
    merchant_id: uuid.UUID,
    endpoint_id: uuid.UUID,
    *,
    state: DeliveryState | None,
    place: Place,
    size: int = PAGE,
) -> Slice:
    """Return one page of an endpoint's log, newest first."""
    whose = EventDelivery.endpoint_id == endpoint_id
    statement = (
        select(
            EventDelivery.id,
            OutgoingEvent.type,
            OutgoingEvent.at,
            EventDelivery.state,
            EventDelivery.tried_at,
            EventDelivery.next_try_at,
        )
        .join(OutgoingEvent, OutgoingEvent.id == EventDelivery.event_id)
        .where(whose, EventDelivery.merchant_id == merchant_id)
    )
    if state is not None:
        statement = statement.where(EventDelivery.state == state)
    keys = EventDelivery.created_at, EventDelivery.id
    return keyset_page(session, statement, keys, whose, place=place, size=size, descending=True)


def of_endpoint(
    session: Session, merchant_id: uuid.UUID, endpoint_id: uuid.UUID, delivery_id: uuid.UUID
) -> EventDelivery:
    """Return one with its event; raise NoResultFound for another endpoint's, or another merchant's."""
    which = EventDelivery.id == delivery_id, EventDelivery.endpoint_id == endpoint_id
    found = joined(select(EventDelivery), (EventDelivery.event,))
    return session.scalars(found.where(*which, EventDelivery.merchant_id == merchant_id)).one()


def attempts(session: Session, delivery_id: uuid.UUID, *, limit: int = PAGE) -> list[EventAttempt]:
    """Return the newest tries of one."""
    whose = EventAttempt.delivery_id == delivery_id
    return list(session.scalars(select(EventAttempt).where(whose).order_by(EventAttempt.at.desc()).limit(limit)))


def waiting(session: Session, endpoint_id: uuid.UUID, *, most: int) -> int:
    """Return how many wait for an endpoint, counted up to `most`."""
    some = select(EventDelivery.id).where(EventDelivery.endpoint_id == endpoint_id, IS_WAITING).limit(most)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0
