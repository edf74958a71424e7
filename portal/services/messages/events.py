"""PayPal's messages from arrival to outcome: stored once, handled by a job, tried again, given up, replayed.

A message is a hint that leads to a read (style.md, convention 11), so that order, doubles and a second try
cannot do harm.  What cannot be done now waits 1, 5, 15 min, 1 h, 3 h, then 6 h each time, for three days.
"""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, cast

import structlog
from sqlalchemy import Table, null, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.end_requests import retry_delay
from portal.domain.provenances import Provenance
from portal.extensions import Busy
from portal.logs import place_of
from portal.models import EventSource, EventState, PayPalEvent, Provider
from portal.providers.ports import GatewayRefused, GatewayUnavailable
from portal.queries.messages import paypal_events
from portal.secrets import CannotOpen
from portal.services import lost_jobs
from portal.services.arrivals.event_outcomes import Handled, NotYet
from portal.services.context import Context
from portal.services.paypal.gateways import NoKey, heed

log = structlog.get_logger(__name__)

GIVE_UP: Final = timedelta(days=3)  # as long as PayPal itself tries (FACTS.md 2.3)
EVENTS: Final = cast(Table, PayPalEvent.__table__)  # without the ORM's part an INSERT costs half

# Who handles what came from where, imported when the first one comes: each has `handle(ctx, event, *, now)`.
HANDLERS: Final[Mapping[EventSource, str]] = {
    EventSource.WEBHOOK: "portal.services.messages.webhook_events",
    EventSource.IPN: "portal.services.messages.ipn_events",
}
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
    ignored: str = ""  # why it is only kept, in one word: then no job is made


class Stored(StrEnum):
    """What became of a message that arrived."""

    NEW = "new"
    AGAIN = "again"  # it was given up before and now waits again
    KNOWN = "known"


def store(session: Session, message: Message, *, now: datetime) -> Stored:
    """Keep the message once, with its job, in the session's transaction."""
    event_id = session.execute(
        insert(EVENTS)
        .values(
            id=uuid.uuid4(),
            merchant_id=message.merchant_id,
            environment=message.environment,
            source=message.source,
            event_id=message.event_id,
            transmission_id=message.transmission_id,
            event_type=message.event_type,
            subject=message.subject,
            body=message.body,
            provenance=message.provenance,
            delivery=message.delivery if message.delivery is not None else null(),
            happened_at=message.happened_at,
            received_at=now,
            state=EventState.IGNORED if message.ignored else EventState.WAITING,
            next_try_at=None if message.ignored else now,
            error=message.ignored,
            handled_at=now if message.ignored else None,
        )
        .on_conflict_do_nothing()  # of either key
        .returning(EVENTS.c.id)
    ).scalar_one_or_none()
    if event_id is None:
        return Stored.AGAIN if _wait_again(session, message, now=now) else Stored.KNOWN
    if not message.ignored:
        _defer(session, event_id)
    return Stored.NEW


def handle(ctx: Context, event_id: uuid.UUID, *, now: datetime) -> EventState | None:
    """Handle a message that waits, and write what became of it; None when there is nothing to do now.

    Two workers at the same message do no harm: what they read is written through the one door.
    """
    with ctx.db.read() as session:
        event = paypal_events.find(session, event_id)
    if event is None or event.state is not EventState.WAITING:
        return None
    if event.next_try_at is not None and event.next_try_at > now + lost_jobs.EARLY:
        return None  # its own job comes at that time
    try:
        handled: Handled = importlib.import_module(HANDLERS[event.source]).handle(ctx, event, now=now)
    except NotYet as error:
        return _put_off(ctx, event, now=now, why=str(error) or "not_yet")
    except NoKey:
        return _put_off(ctx, event, now=now, why="no_key")
    except CannotOpen:
        return _put_off(ctx, event, now=now, why="key_unreadable")
    except (GatewayUnavailable, GatewayRefused) as error:
        return _put_off(ctx, event, now=now, why=_word(error), error=error)
    except (OperationalError, InterfaceError, Busy):
        raise  # the database, not the message: the job is tried again
    except Exception as error:
        log.error("event_failed", event_id=str(event.id), error=type(error).__name__, place=place_of(error))
        return _put_off(ctx, event, now=now, why=type(error).__name__)
    return _settle(ctx, event, handled, now=now)


def replay(session: Session, event: PayPalEvent, now: datetime) -> None:
    """Let a stored message be handled once more, whatever became of it."""
    event.state, event.error, event.attempts = EventState.WAITING, "", 0
    event.next_try_at = event.replayed_at = now
    _defer(session, event.id)


def retry_all(session: Session, merchant_id: uuid.UUID, provider: Provider, *, now: datetime) -> int:
    """Try every message that waits for a key of this kind now, since the key works again; return how many."""
    sources = [source for source, needed in PROVIDERS.items() if needed is provider]
    waiting = paypal_events.lock_tried(session, merchant_id, sources)
    for event in waiting:
        event.next_try_at = now
        _defer(session, event.id)
    return len(waiting)


def sweep(ctx: Context, *, now: datetime) -> int:
    """Give a job to every message that has lost its own; return how many there were."""
    return lost_jobs.sweep(ctx, PayPalEvent.state == EventState.WAITING, PayPalEvent.next_try_at, _defer, now=now)


def _wait_again(session: Session, message: Message, *, now: datetime) -> bool:
    """PayPal sends a message anew that we gave up: it gets another three days."""
    event = paypal_events.lock_given_up(session, message.merchant_id, message.source, message.event_id)
    if event is None:
        return False
    replay(session, event, now)
    return True


def _settle(ctx: Context, event: PayPalEvent, handled: Handled, *, now: datetime) -> EventState:
    with ctx.db.begin() as session:
        _write(session, event, state=handled.state, error=handled.note, handled_at=now, next_try_at=None)
    log.info("event_handled", event_id=str(event.id), state=handled.state, note=handled.note)
    return handled.state


def _put_off(
    ctx: Context,
    event: PayPalEvent,
    *,
    now: datetime,
    why: str,
    error: GatewayUnavailable | GatewayRefused | None = None,
) -> EventState:
    """Plan the next try, or give up after three days: it can still be replayed."""
    asked = timedelta(seconds=getattr(error, "retry_after", None) or 0)
    given_up = now - (event.replayed_at or event.received_at) >= GIVE_UP
    state = EventState.FAILED if given_up else EventState.WAITING
    again = None if given_up else now + retry_delay(event.attempts + 1, asked=asked)
    with ctx.db.begin() as session:
        if _write(session, event, state=state, error=why, next_try_at=again) and again is not None:
            _defer(session, event.id, at=again)
        if error is not None:
            heed(session, event.merchant_id, PROVIDERS[event.source], error, now=now)
    log.warning("event_put_off", event_id=str(event.id), why=why, attempts=event.attempts + 1, state=state)
    return state


def _write(session: Session, event: PayPalEvent, **values: object) -> bool:
    """Write an outcome, unless another worker or a replay came first."""
    written = session.scalars(
        update(PayPalEvent)
        .where(
            PayPalEvent.id == event.id,
            PayPalEvent.state == EventState.WAITING,
            PayPalEvent.attempts == event.attempts,
            PayPalEvent.replayed_at.is_not_distinct_from(event.replayed_at),
        )
        .values(attempts=event.attempts + 1, **values)
        .returning(PayPalEvent.id)
    ).all()
    return bool(written)


def _word(error: GatewayUnavailable | GatewayRefused) -> str:
    """Say in a word or two what PayPal answered, with the debug id that PayPal's support asks for."""
    word = error.refusal.value if isinstance(error, GatewayRefused) else "unavailable"
    return f"{word} {error.debug_id}".strip()


def _defer(session: Session, event_id: uuid.UUID, *, at: datetime | None = None) -> None:
    queue.defer(session, queue.HANDLE_EVENT, at=at, event_id=str(event_id))
