"""What waits is drained by the workers: a merchant's batch is claimed, read at PayPal, written, and its outcome kept.

A claim moves `next_try_at` on by a lease, so that what a killed worker had comes again; two workers at the same message
do no harm, since what they read is written through the one door.  What cannot be done now waits 1, 5, 15 min, 1 h,
3 h, then 6 h each time, for three days.
"""

from __future__ import annotations

import importlib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import structlog
from sqlalchemy import Update, bindparam, case, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import retry_delay
from portal.extensions import Busy
from portal.logs import place_of
from portal.models import EventSource, EventState, PayPalEvent
from portal.providers.ports import GatewayRefused, GatewayUnavailable
from portal.queries.merchants.customer_erasures import is_about_erased
from portal.queries.messages import paypal_events
from portal.secrets import CannotOpen
from portal.services.arrivals.event_outcomes import Handled, NotYet, Outcome
from portal.services.context import Context
from portal.services.messages.events import EVENTS, PROVIDERS
from portal.services.paypal.gateways import NoKey, heed

log = structlog.get_logger(__name__)

GIVE_UP: Final = timedelta(days=3)  # as long as PayPal itself tries (FACTS.md 2.3)
LEASE: Final = timedelta(minutes=2)  # longer than a batch takes of a PayPal that answers
SUBSCRIPTIONS: Final = 50  # of one batch: as many reads at PayPal
MESSAGES: Final = 400  # of one batch, where there are many of one subscription
STILL_WAITING: Final = update(EVENTS).where(
    EVENTS.c.id.in_(bindparam("ids", expanding=True)),
    EVENTS.c.state == EventState.WAITING,
    EVENTS.c.attempts == bindparam("tries"),
    EVENTS.c.replayed_at.is_not_distinct_from(bindparam("replay")),
)
# What it said of somebody who is erased goes with its outcome: it came after that, or waited meanwhile.
HANDLED: Final = STILL_WAITING.values(body=case((is_about_erased(EVENTS), None), else_=EVENTS.c.body))

# Who handles what came from where, imported when the first one comes: each has `handle(ctx, events, *, now)`.
HANDLERS: Final[Mapping[EventSource, str]] = {
    EventSource.WEBHOOK: "portal.services.messages.webhook_events",
    EventSource.IPN: "portal.services.messages.ipn_events",
}


def merchants_due(ctx: Context, *, now: datetime) -> list[uuid.UUID]:
    """Return whose messages are due."""
    with ctx.db.read() as session:
        return paypal_events.merchants_due(session, now=now)


def drain(ctx: Context, merchant_id: uuid.UUID, *, now: datetime) -> int:
    """Handle a batch of what is due of the merchant's messages; return how many were taken, 0 when nothing is due."""
    with ctx.db.begin() as session:
        batch = paypal_events.claim(
            session, merchant_id, now=now, until=now + LEASE, subjects=SUBSCRIPTIONS, limit=MESSAGES
        )
    for source, events in groupby(sorted(batch, key=_source), key=_source):
        outcomes: Iterable[Outcome] = importlib.import_module(HANDLERS[source]).handle(ctx, list(events), now=now)
        with ctx.db.begin() as session:
            _write(session, outcomes, now=now)
    return len(batch)


def _source(event: PayPalEvent) -> EventSource:
    return event.source


def _write(session: Session, outcomes: Iterable[Outcome], *, now: datetime) -> None:
    """Write what became of a batch: those that came to the same end in one statement."""
    ends: dict[tuple[Handled, int, datetime | None], list[PayPalEvent]] = defaultdict(list)
    answers: dict[tuple[object, ...], tuple[PayPalEvent, GatewayRefused | GatewayUnavailable]] = {}
    for event, outcome in outcomes:
        if isinstance(outcome, Handled):
            ends[outcome, event.attempts, event.replayed_at].append(event)
        elif not isinstance(outcome, (OperationalError, InterfaceError, Busy)):  # the database's: the lease runs out
            _put_off(session, event, outcome, now=now)
        if isinstance(outcome, (GatewayRefused, GatewayUnavailable)):
            about = (event.source, getattr(outcome, "refusal", None), outcome.http_status)
            answers.setdefault(about, (event, outcome))
    for (handled, *_same_try), events in ends.items():
        written = {"state": handled.state, "error": handled.note, "handled_at": now, "next_try_at": None}
        _update(session, events, statement=HANDLED, **written)
        log.info(
            "events_handled",
            merchant_id=str(events[0].merchant_id),
            count=len(events),
            state=handled.state,
            note=handled.note,
        )
    for event, answer in answers.values():
        heed(session, event.merchant_id, PROVIDERS[event.source], answer, now=now)


def _put_off(session: Session, event: PayPalEvent, error: Exception, *, now: datetime) -> None:
    """Plan the next try, or give up after three days: it can still be replayed."""
    why = _why(event, error)
    asked = timedelta(seconds=getattr(error, "retry_after", None) or 0)
    given_up = now - (event.replayed_at or event.received_at) >= GIVE_UP
    state = EventState.FAILED if given_up else EventState.WAITING
    again = None if given_up else now + retry_delay(event.attempts + 1, asked=asked)
    _update(session, [event], state=state, error=why, next_try_at=again)
    log.warning("event_put_off", event_id=str(event.id), why=why, attempts=event.attempts + 1, state=state)


def _update(
    session: Session, events: list[PayPalEvent], *, statement: Update = STILL_WAITING, **values: object
) -> None:
    """Write an outcome of messages that were tried as often, unless another worker or a replay came first."""
    first = events[0]
    session.execute(
        statement,
        {
            "ids": [event.id for event in events],
            "tries": first.attempts,
            "replay": first.replayed_at,
            "attempts": first.attempts + 1,
            **values,
        },
    )


def _why(event: PayPalEvent, error: Exception) -> str:
    """Say in a word or two why a message waits, with the debug id that PayPal's support asks for."""
    match error:
        case NotYet():
            return str(error) or "not_yet"
        case NoKey():
            return "no_key"
        case CannotOpen():
            return "key_unreadable"
        case GatewayRefused():
            return f"{error.refusal.value} {error.debug_id}".strip()
        case GatewayUnavailable():
            return f"unavailable {error.debug_id}".strip()
    log.error("event_failed", event_id=str(event.id), error=type(error).__name__, place=place_of(error))
    return type(error).__name__
