"""What an event says when it is sent: its id, or the whole object as it is then (services/resources).

Read at that moment and kept nowhere, so that nothing of somebody who was erased meanwhile leaves (decision 0035).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.domain.integrations.outgoing_events import body
from portal.domain.integrations.public_ids import Kind, public
from portal.models import Customer, EndRequest, Grant, OutgoingEvent, Payment, Subscription
from portal.queries.integrations import outgoing_events
from portal.services import resources
from portal.services.outgoing_access import ACCESS
from portal.services.resources import Resource, moment

Key = tuple[Kind, uuid.UUID]
ROWS: Final[Mapping[Kind, tuple[type[Any], Callable[[Any, datetime], Resource]]]] = {
    Kind.CUSTOMER: (Customer, lambda row, now: resources.customer(row)),
    Kind.SUBSCRIPTION: (Subscription, lambda row, now: resources.subscription(row)),
    Kind.PAYMENT: (Payment, lambda row, now: resources.payment(row)),
    Kind.GRANT: (Grant, lambda row, now: resources.grant(row)),
    Kind.END_REQUEST: (EndRequest, lambda row, now: resources.end_request(row, now=now)),
}


def bodies(
    session: Session, events: Iterable[OutgoingEvent], *, is_full: bool, now: datetime
) -> dict[uuid.UUID, bytes]:
    """Return what is sent of each event, by its id."""
    told = list(events)
    objects = _objects(session, told, now=now) if is_full else {}
    return {event.id: _body(event, objects) if is_full else _thin(event) for event in told}


def _thin(event: OutgoingEvent) -> bytes:
    """Say which one of which world, and no more; an access has no id but its customer's and its product's."""
    named = ("product", "is_test") if event.type in ACCESS else ("is_test",)
    told = {name: event.facts[name] for name in named if name in event.facts}
    return body(event.type, moment(event.at), {**_about(event), **told})


def _body(event: OutgoingEvent, objects: Mapping[Key, Resource]) -> bytes:
    """Say the object, and what belongs to this event alone, which wins; of what is gone only that is left."""
    is_of_pair = event.type in ACCESS  # what is open is told as it was: the customer's own data are no part of it
    known = {} if is_of_pair else objects.get((event.subject_kind, event.subject_id), {})
    return body(event.type, moment(event.at), {**known, **event.facts, **_about(event)})


def _about(event: OutgoingEvent) -> dict[str, Any]:
    number = {} if event.sequence is None else {"sequence": event.sequence}
    return {"id": public(event.subject_kind, event.subject_id), **number}


def _objects(session: Session, events: Iterable[OutgoingEvent], *, now: datetime) -> dict[Key, Resource]:
    """Read the objects of all events, one statement for each kind; a merchant's own alone."""
    wanted: dict[Kind, set[uuid.UUID]] = defaultdict(set)
    merchants = set()
    for event in events:
        wanted[event.subject_kind].add(event.subject_id)
        merchants.add(event.merchant_id)
    found: dict[Key, Resource] = {}
    for kind in wanted.keys() & ROWS.keys():
        row_type, shown = ROWS[kind]
        rows = outgoing_events.objects(session, row_type, wanted[kind], merchants)
        found |= {(kind, row.id): shown(row, now) for row in rows}
    return found
