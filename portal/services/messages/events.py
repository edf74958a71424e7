"""PayPal's messages as they are kept: stored once, given back to the workers when somebody asks for it.

A message is a hint that leads to a read (style.md, convention 11), so that order, doubles and a second try
cannot do harm.  It has no job: workers find what waits by its row (`drains`, docs/decisions/0019).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast

from sqlalchemy import Connection, Table, bindparam, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.provenances import Provenance
from portal.models import EventSource, EventState, PayPalEvent, Provider
from portal.queries.messages import paypal_events

EVENTS: Final = cast(Table, PayPalEvent.__table__)
PROVIDERS: Final[Mapping[EventSource, Provider]] = {
    EventSource.WEBHOOK: Provider.PAYPAL_REST,
    EventSource.IPN: Provider.PAYPAL_CLASSIC,
}


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message as it is stored. `event_id` and `transmission_id` are each unique for the merchant."""

    merchant_id: uuid.UUID
    environment: str
    source: EventSource
    event_id: str
    event_type: str
    body: bytes
    transmission_id: str | None = None  # webhooks only
    subject: str = ""
    happened_at: datetime | None = None
    provenance: Provenance | None = None  # webhooks only
    delivery: Mapping[str, str] | None = None  # what PayPal is asked by, of one whose provenance is open
    ignored: str = ""  # why it is only kept, in one word: then nobody handles it


FACTS: Final = tuple(one.name for one in fields(Message) if one.name != "ignored")
# Made once: making it costs as much as sending it.  It does nothing on a conflict of either key, and says so.
STORE: Final = insert(EVENTS).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
WAIT_AGAIN: Final = update(EVENTS).where(
    EVENTS.c.merchant_id == bindparam("whose"),
    EVENTS.c.source == bindparam("from_where"),
    EVENTS.c.event_id == bindparam("which"),
    paypal_events.was_given_up(EVENTS.c),
)


class Stored(StrEnum):
    """What became of a message that arrived."""

    NEW = "new"
    AGAIN = "again"  # it was given up before and now waits again
    KNOWN = "known"


def store(connection: Connection, message: Message, *, now: datetime) -> Stored:
    """Keep the message once: one statement, which a connection of `once` commits by itself."""
    facts = {name: getattr(message, name) for name in FACTS}
    if message.ignored:
        became = {"state": EventState.IGNORED, "next_try_at": None, "error": message.ignored, "handled_at": now}
    else:
        became = {"state": EventState.WAITING, "next_try_at": now, "error": "", "handled_at": None}
    stored = connection.execute(STORE, {"id": uuid.uuid4(), "attempts": 0, "received_at": now, **facts, **became})
    if stored.rowcount:
        return Stored.NEW
    return Stored.AGAIN if _wait_again(connection, message, now=now) else Stored.KNOWN


def replay(session: Session, event: PayPalEvent, now: datetime) -> None:
    """Let a stored message be handled once more, whatever became of it."""
    for name, value in _from_the_beginning(now).items():
        setattr(event, name, value)


def retry_all(session: Session, merchant_id: uuid.UUID, provider: Provider, *, now: datetime) -> int:
    """Try every message that waits for a key of this kind now, since the key works again; return how many.

    Those that were given up for want of one begin anew.
    """
    sources = [source for source, needed in PROVIDERS.items() if needed is provider]
    waiting = paypal_events.waiting_after_a_try(merchant_id, sources)
    given_up = paypal_events.given_up_for_a_key(merchant_id, sources)
    again = update(PayPalEvent).where(PayPalEvent.id.in_(waiting)).values(next_try_at=now)
    anew = update(PayPalEvent).where(PayPalEvent.id.in_(given_up)).values(_from_the_beginning(now))
    return sum(session.connection().execute(statement).rowcount for statement in (again, anew))


def _wait_again(connection: Connection, message: Message, *, now: datetime) -> bool:
    """PayPal sends a message anew that we gave up: it gets another three days."""
    which = {"whose": message.merchant_id, "from_where": message.source, "which": message.event_id}
    return bool(connection.execute(WAIT_AGAIN, which | _from_the_beginning(now)).rowcount)


def _from_the_beginning(now: datetime) -> dict[str, Any]:
    began = {"attempts": 0, "next_try_at": now, "replayed_at": now, "handled_at": None}
    return {"state": EventState.WAITING, "error": "", **began}
