"""Events: what other systems are told, to be read again by whoever missed it; each can be sent again."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from apiflask.fields import Dict
from flask import Response
from sqlalchemy.orm import Session

from portal.api.calls import by, caller, context
from portal.api.paging import asked, page
from portal.api.problems import Problem
from portal.api.routes import body, query, reply
from portal.api.schemas import Listed, Out, PublicId, Strict, list_of, moment, word
from portal.clock import utc_now
from portal.domain.integrations.outgoing_events import EventType
from portal.domain.integrations.public_ids import Kind, public
from portal.queries.integrations import api_lists
from portal.queries.integrations import event_endpoints as stored
from portal.services.outgoing import event_payloads, event_replays
from portal.services.resources import Resource


class EventOut(Out):
    id = PublicId(Kind.EVENT, required=True, metadata={"description": "The `webhook-id` of every try."})
    object = word("event", required=True)
    type = word(*EventType, required=True)
    timestamp = moment("When it happened.", required=True)
    data = Dict(
        required=True,
        metadata={"description": "The object as it stands now, with what belongs to the event. See docs/integrations."},
    )


class EventsAsked(Listed):
    type = word(*EventType)
    subscription = PublicId(Kind.SUBSCRIPTION)


class Replay(Strict):
    endpoint = PublicId(Kind.ENDPOINT, required=True)


bp = APIBlueprint("events", __name__, tag="Events")


@bp.get("/events")
@query(bp, EventsAsked)
@bp.output(list_of(EventOut, "EventList"))
def listed(query: dict[str, Any]) -> Response:
    """List events of the last 30 days, the newest first: for whoever was not there when they were sent."""
    filters, wanted = asked(query)
    now = utc_now()
    with context().db.read() as session:
        kind = filters.get("type")
        found = api_lists.events(
            session,
            wanted,
            event_type=EventType(kind) if kind is not None else None,
            subscription_id=filters.get("subscription"),
        )
        shown = _shown(session, [one.row for one in found], now=now)
        return page(found, filters, wanted, lambda row: shown[row.id])


@bp.get("/events/<id(evt):event_id>")
@bp.output(EventOut)
def one(event_id: uuid.UUID) -> Response:
    """Read one event."""
    with context().db.read() as session:
        row = api_lists.event(session, caller().merchant_id, caller().mode.environment, event_id)
        return reply(_shown(session, [row], now=utc_now())[event_id])


@bp.post("/events/<id(evt):event_id>/replay")
@body(bp, Replay)
@bp.output(EventOut, status_code=202)
def replayed(event_id: uuid.UUID, body: dict[str, Any]) -> Response:
    """Send an event again, under its id, to an endpoint that it was for."""
    key, now = caller(), utc_now()
    with context().db.read() as session:
        row = api_lists.event(session, key.merchant_id, key.mode.environment, event_id)
        stored.seen(session, key.merchant_id, body["endpoint"], environment=key.mode.environment)
        delivery_id = api_lists.delivery_of(session, key.merchant_id, event_id, body["endpoint"])
        shown = _shown(session, [row], now=now)[event_id]
    if not event_replays.replay(context(), key.merchant_id, body["endpoint"], delivery_id, by=by(), now=now):
        raise Problem("conflict", "The endpoint is switched off: resume it first.", reason="endpoint_disabled")
    return reply(shown, 202)


def _shown(session: Session, rows: list[Any], *, now: datetime) -> dict[uuid.UUID, Resource]:
    """Return events as a full endpoint is told of them, each with its id."""
    sent = event_payloads.bodies(session, rows, is_full=True, now=now)
    return {row.id: {"id": public(Kind.EVENT, row.id), "object": "event", **json.loads(sent[row.id])} for row in rows}
