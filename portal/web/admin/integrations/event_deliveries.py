"""One event at one endpoint: every try, what was answered, what is sent; and once more."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.integrations.outgoing_events import EndpointState
from portal.queries.integrations import event_deliveries as deliveries
from portal.queries.integrations import event_endpoints as endpoints
from portal.services.outgoing import event_payloads, event_replays
from portal.web.admin import bp, showing
from portal.web.admin.integrations import endpoint_words
from portal.web.admin.integrations.event_endpoints import may_be_removed
from portal.web.formatting import formatter
from portal.web.identity import by, context, person

ONE = "/integrations/endpoints/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>"


@bp.get(ONE, endpoint="event_delivery")
@may_be_removed
def show(endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> ResponseReturnValue:
    """Show what became of it. What is sent is said as it would leave now (decision 0035)."""
    who = person()
    with context().db.read() as session:
        endpoint = endpoints.of_merchant(session, who.merchant_id, endpoint_id)
        found = deliveries.of_endpoint(session, who.merchant_id, endpoint_id, delivery_id)
        bodies = event_payloads.bodies(session, [found.event], is_full=endpoint.is_full, now=utc_now())
        return showing.page(
            "event_delivery.html",
            session,
            endpoint=endpoint,
            delivery=found,
            attempts=deliveries.attempts(session, delivery_id),
            body=bodies[found.event_id].decode(),
            can_replay=endpoint.state is not EndpointState.DISABLED,
            words=endpoint_words,
            fmt=formatter(),
        )


@bp.post(f"{ONE}/replay", endpoint="event_delivery_replay")
@may_be_removed
def replay(endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> ResponseReturnValue:
    """Send it once more, under its id."""
    if event_replays.replay(context(), person().merchant_id, endpoint_id, delivery_id, by=by(), now=utc_now()):
        flash(_("The event is sent again. Load this page again to see the answer."), "info")
    else:
        flash(_("This endpoint is off: switch it on first."), "warning")
    return redirect(url_for(".event_delivery", endpoint_id=endpoint_id, delivery_id=delivery_id), 303)
