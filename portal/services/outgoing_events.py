"""Tell other systems of a fact: one row, written in the fact's own transaction, for who wants to be told.

Whether anybody wants it stands in the merchant's row as it is read; where nobody does, nothing is written.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.domain.integrations.api_keys import Mode
from portal.domain.integrations.outgoing_events import EventType
from portal.domain.integrations.public_ids import Kind
from portal.models import Subscription
from portal.queries.integrations import outgoing_events
from portal.queries.people import merchants


@dataclass(frozen=True, kw_only=True)
class Told:
    """One fact. `key` makes it stand once; `at` is when it happened, `subject` the kind and id of what it is about.

    `facts` must fit in JSON and hold ids, codes, dates and amounts alone: who somebody is never is stored.
    """

    type: EventType
    key: str
    subject: tuple[Kind, uuid.UUID]
    at: datetime
    environment: str | None = None  # of PayPal; None: it is of no world, as a change of a customer's name
    facts: Mapping[str, Any] = field(default_factory=dict)


def tell(
    session: Session, merchant_id: uuid.UUID, told: Told, *, now: datetime, of: Subscription | None = None
) -> None:
    """Write the event unless nobody wants it, or the same type and key already stand there.

    `of`: the subscription whose events it is numbered among; its lock is held, so that they come as they happened.
    """
    if is_wanted(session, merchant_id, told.type):
        told = replace(told, environment=of.environment) if of is not None else told
        write(session, merchant_id, told, now=now, subscription_id=of.id if of is not None else None)


def is_wanted(session: Session, merchant_id: uuid.UUID, *types: EventType) -> bool:
    """Say whether any endpoint of the merchant is told of events of one of these types."""
    known = merchants.of(session, merchant_id).types_wanted or ()
    return any(not wanted or not set(types).isdisjoint(wanted) for wanted in known)


def write(
    session: Session,
    merchant_id: uuid.UUID,
    told: Told,
    *,
    now: datetime,
    subscription_id: uuid.UUID | None = None,
    only: uuid.UUID | None = None,
) -> None:
    """Write the event, and a delivery for each endpoint that takes it or for `only` that one.

    Of a fact of one of PayPal's worlds it says which.
    """
    session.flush()  # the subscription may be new
    kind, subject_id = told.subject
    given = {
        "id": uuid.uuid4(),
        "now": now,
        "merchant_id": merchant_id,
        "type": told.type.value,
        "key": told.key,
        "at": told.at,
        "kind": kind.value,
        "subject_id": subject_id,
        "subscription_id": subscription_id,
        "facts": json.dumps({**told.facts, **_world(told.environment)}),
        "environment": told.environment,
        "only": only,
    }
    session.execute(outgoing_events.TELL, given)


def _world(environment: str | None) -> dict[str, bool]:
    return {} if environment is None else {"is_test": environment == Mode.TEST.environment}
