"""Endpoints of a merchant, and which of all wait to be called."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, exists, or_, select, true
from sqlalchemy.orm import Session

from portal.domain.integrations.api_keys import Mode
from portal.domain.integrations.outgoing_events import DeliveryState, EndpointState, EventType
from portal.models import EventDelivery, EventEndpoint

IS_WAITING: Final = EventDelivery.state == DeliveryState.WAITING


def all_of(session: Session, merchant_id: uuid.UUID) -> list[EventEndpoint]:
    """Return the merchant's endpoints, oldest first."""
    whose = EventEndpoint.merchant_id == merchant_id
    return list(session.scalars(select(EventEndpoint).where(whose).order_by(EventEndpoint.created_at)))


def of_merchant(session: Session, merchant_id: uuid.UUID, endpoint_id: uuid.UUID) -> EventEndpoint:
    """Return one; raise NoResultFound for another merchant's."""
    which = EventEndpoint.id == endpoint_id, EventEndpoint.merchant_id == merchant_id
    return session.scalars(select(EventEndpoint).where(*which)).one()


def seen(session: Session, merchant_id: uuid.UUID, endpoint_id: uuid.UUID, *, environment: str) -> EventEndpoint:
    """Return one that a key of that world sees: a test key what is told of the sandbox alone; raise NoResultFound."""
    which = EventEndpoint.id == endpoint_id, EventEndpoint.merchant_id == merchant_id
    return session.scalars(select(EventEndpoint).where(*which, _is_seen(environment))).one()


def all_seen(session: Session, merchant_id: uuid.UUID, *, environment: str) -> list[EventEndpoint]:
    """Return those that a key of that world sees, oldest first."""
    which = EventEndpoint.merchant_id == merchant_id, _is_seen(environment)
    return list(session.scalars(select(EventEndpoint).where(*which).order_by(EventEndpoint.created_at)))


def _is_seen(environment: str) -> ColumnElement[bool]:
    return true() if environment == Mode.LIVE.environment else EventEndpoint.environment == environment


def lock(session: Session, merchant_id: uuid.UUID, endpoint_id: uuid.UUID) -> EventEndpoint:
    """Return one, locked, as it is now; raise NoResultFound for another merchant's."""
    which = EventEndpoint.id == endpoint_id, EventEndpoint.merchant_id == merchant_id
    locked = select(EventEndpoint).where(*which).with_for_update(key_share=True)
    return session.scalars(locked.execution_options(populate_existing=True)).one()


def lock_if_there(session: Session, endpoint_id: uuid.UUID) -> EventEndpoint | None:
    """Return one, locked, as it is now; None when it was removed."""
    locked = select(EventEndpoint).where(EventEndpoint.id == endpoint_id).with_for_update(key_share=True)
    return session.scalars(locked.execution_options(populate_existing=True)).one_or_none()


def not_watched(session: Session, types: Iterable[EventType]) -> list[EventEndpoint]:
    """Return endpoints that are told of one of these types, and for whom nobody has begun to watch for them."""
    wanted = or_(EventEndpoint.types == [], *(EventEndpoint.types.contains([one.value]) for one in types))
    live = EventEndpoint.state != EndpointState.DISABLED
    return list(session.scalars(select(EventEndpoint).where(live, EventEndpoint.access_since.is_(None), wanted)))


def due(session: Session, *, now: datetime) -> list[uuid.UUID]:
    """Return which endpoints have something due and are not left alone: one step in the index for each."""
    waits = exists().where(EventDelivery.endpoint_id == EventEndpoint.id, IS_WAITING, EventDelivery.next_try_at <= now)
    is_called = EventEndpoint.state == EndpointState.ENABLED
    is_quiet_over = or_(EventEndpoint.quiet_until.is_(None), EventEndpoint.quiet_until <= now)
    return list(session.scalars(select(EventEndpoint.id).where(is_called, is_quiet_over, waits)))
