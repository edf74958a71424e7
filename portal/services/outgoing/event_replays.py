"""Send again: one delivery, all of a span of time, or what waits and failed of an endpoint that is started again."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, or_, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.integrations.outgoing_events import DeliveryState, EndpointState
from portal.models import EventDelivery, EventEndpoint
from portal.queries.integrations import event_endpoints as endpoints
from portal.queries.integrations.event_endpoints import IS_WAITING
from portal.services.audit import audit
from portal.services.context import Context


def replay(
    ctx: Context, merchant_id: uuid.UUID, endpoint_id: uuid.UUID, delivery_id: uuid.UUID, *, by: By, now: datetime
) -> bool:
    """Send one again, under its id; False where the endpoint is told nothing. Raises NoResultFound."""
    with ctx.db.begin() as session:
        endpoint = endpoints.lock(session, merchant_id, endpoint_id)
        if endpoint.state is EndpointState.DISABLED:
            return False
        endpoint.quiet_until = None
        if not _plan(session, endpoint, EventDelivery.id == delivery_id, now=now):
            raise NoResultFound
        _record(session, endpoint, by=by, now=now, delivery=str(delivery_id))
        return True


def replay_span(
    ctx: Context,
    merchant_id: uuid.UUID,
    endpoint_id: uuid.UUID,
    *,
    since: datetime,
    until: datetime,
    only_failed: bool,
    by: By,
    now: datetime,
) -> int:
    """Send again what was written in a span, all or what did not arrive; return how many. Raises NoResultFound."""
    with ctx.db.begin() as session:
        endpoint = endpoints.lock(session, merchant_id, endpoint_id)
        if endpoint.state is EndpointState.DISABLED:
            return 0
        span = EventDelivery.created_at >= since, EventDelivery.created_at < until
        failed = (EventDelivery.state == DeliveryState.FAILED,) if only_failed else ()
        count = _plan(session, endpoint, *span, *failed, now=now)
        if count:
            endpoint.quiet_until = None
            _record(session, endpoint, by=by, now=now, count=count)
        return count


def resume(ctx: Context, merchant_id: uuid.UUID, endpoint_id: uuid.UUID, *, by: By, now: datetime) -> int | None:
    """Call it again, beginning with what waits and what failed since it did; how many. None where it is called already.

    Of one that was disabled nothing was kept since then, and what was given up with it is sent only by a replay.
    Raises NoResultFound.
    """
    with ctx.db.begin() as session:
        endpoint = endpoints.lock(session, merchant_id, endpoint_id)
        if endpoint.state is EndpointState.ENABLED:
            return None
        count, since = 0, endpoint.failing_since
        if endpoint.state is EndpointState.PAUSED:
            failed = EventDelivery.state == DeliveryState.FAILED
            lost = failed & (EventDelivery.created_at >= since) if since is not None else None
            count = _plan(session, endpoint, IS_WAITING if lost is None else or_(IS_WAITING, lost), now=now)
        endpoint.start()
        subject = ("event_endpoint", endpoint.id)
        audit.append(session, merchant_id, Act.ENDPOINT_RESUMED, by=by, at=now, subject=subject, count=count)
        return count


def _plan(session: Session, endpoint: EventEndpoint, *which: ColumnElement[bool], now: datetime) -> int:
    """Let these be tried from now on, as if they never had been; whoever is at one writes nothing more of it."""
    again: dict[str, Any] = {
        "state": DeliveryState.WAITING,
        "failed": 0,
        "next_try_at": now,
        "replayed_at": now,
        "delivered_at": None,
    }
    planned = update(EventDelivery).where(EventDelivery.endpoint_id == endpoint.id, *which).values(again)
    done = session.execute(planned, execution_options={"synchronize_session": False})
    return cast(CursorResult[Any], done).rowcount


def _record(session: Session, endpoint: EventEndpoint, *, by: By, now: datetime, **details: Any) -> None:
    subject = ("event_endpoint", endpoint.id)
    audit.append(session, endpoint.merchant_id, Act.EVENTS_REPLAYED, by=by, at=now, subject=subject, **details)
