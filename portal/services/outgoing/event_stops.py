"""An endpoint is called no more: it said that it is gone, or failed for days. Its merchant is told, once."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, Act
from portal.domain.integrations.outgoing_events import FAILING_FOR, DeliveryState, EndpointState
from portal.models import EventDelivery, EventEndpoint
from portal.queries.integrations.event_endpoints import IS_WAITING
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices import endpoint_notices

log = structlog.get_logger(__name__)


def look(ctx: Context, session: Session, endpoint: EventEndpoint, *, is_gone: bool, now: datetime) -> None:
    """Stop a locked endpoint if what was tried of it asks for that."""
    if endpoint.state is not EndpointState.ENABLED:
        return
    if is_gone:
        disable(session, endpoint, by_hand=False, now=now)
    elif endpoint.failing_since is not None and now - endpoint.failing_since >= FAILING_FOR:
        endpoint.stop(EndpointState.PAUSED, at=now, by_hand=False)
    else:
        return
    subject, state = ("event_endpoint", endpoint.id), endpoint.state.value
    audit.append(session, endpoint.merchant_id, Act.ENDPOINT_STOPPED, by=PORTAL, at=now, subject=subject, state=state)
    endpoint_notices.stopped(ctx, session, endpoint, now=now)
    log.warning("event_endpoint_stopped", endpoint_id=str(endpoint.id), state=endpoint.state.value)


def disable(session: Session, endpoint: EventEndpoint, *, by_hand: bool, now: datetime) -> None:
    """Tell it nothing any more; what waits for it has failed, and can be replayed."""
    endpoint.stop(EndpointState.DISABLED, at=now, by_hand=by_hand)
    waits = EventDelivery.endpoint_id == endpoint.id, IS_WAITING
    given_up = update(EventDelivery).where(*waits).values(state=DeliveryState.FAILED, next_try_at=None)
    session.execute(given_up, execution_options={"synchronize_session": False})
