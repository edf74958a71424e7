"""Bring what is due of one endpoint: claimed in a batch, posted without a transaction, and what came of it written.

A claim moves `next_try_at` on by a lease and is the fence: what a killed worker had comes again under the same ids, and
one that was slower than its lease writes nothing.  No event waits for another: one that fails is planned anew, the
next one is tried.  An endpoint that does not answer at all is left alone for a while, growing to a quarter of an hour,
and then asked with one event; that costs the others nothing, and its own no tries.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.integrations import outgoing_events as rules
from portal.domain.integrations.event_answers import kept
from portal.domain.integrations.event_signatures import headers
from portal.domain.integrations.outgoing_events import DeliveryState, EndpointState, Fault
from portal.models import EventAttempt, EventDelivery, EventEndpoint
from portal.providers.event_posts import NotPosted
from portal.queries.integrations import event_deliveries as deliveries
from portal.queries.integrations import event_endpoints as endpoints
from portal.secrets import CannotOpen
from portal.services.context import Context
from portal.services.outgoing import event_payloads, event_stops
from portal.services.outgoing.event_secrets import signing

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(minutes=2)  # longer than a batch may take
BATCH: Final = 25
BUSY_FOR: Final = 5.0  # seconds after which a batch begins no new try
SLOW: Final = 1.0  # seconds of one try: it is let go on apart from the quick ones
STATIC: Final = {"Content-Type": "application/json", "User-Agent": "portal-events/1", "Accept-Encoding": "identity"}


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What a batch came to. `is_troubled`: it did not answer, or slowly."""

    tried: int
    is_troubled: bool


@dataclass(frozen=True, kw_only=True)
class _Try:
    """One try and what came of it."""

    delivery: EventDelivery
    at: datetime
    took: float
    status: int | None = None
    fault: Fault | None = None
    answer: str = ""
    asked: timedelta | None = None

    @property
    def is_done(self) -> bool:
        return self.status is not None and rules.is_done(self.status)


def due(ctx: Context, *, now: datetime) -> list[uuid.UUID]:
    """Return which endpoints have something to be told; none while the database is restored and not recovered."""
    if ctx.is_shut:
        return []
    with ctx.db.read() as session:
        return endpoints.due(session, now=now)


def drain(ctx: Context, endpoint_id: uuid.UUID, *, limit: int = BATCH, now: datetime) -> Drained:
    """Try what is due of an endpoint, so many at the most."""
    with ctx.db.begin() as session:
        endpoint = session.get(EventEndpoint, endpoint_id)
        if endpoint is None or endpoint.state is not EndpointState.ENABLED:
            return Drained(tried=0, is_troubled=False)
        size = 1 if endpoint.unanswered else limit
        claimed = deliveries.claim(session, endpoint_id, now=now, until=now + LEASE, limit=size)
    if not claimed:
        return Drained(tried=0, is_troubled=False)
    with ctx.db.read() as session:
        events = [delivery.event for delivery in claimed]
        bodies = event_payloads.bodies(session, events, is_full=endpoint.is_full, now=now)
    tries = _tries(ctx, endpoint, claimed, bodies)
    with ctx.db.begin() as session:
        _write(ctx, session, endpoint, claimed, tries, now=utc_now())
    return Drained(tried=len(tries), is_troubled=any(one.fault or one.took >= SLOW for one in tries))


def _tries(
    ctx: Context, endpoint: EventEndpoint, claimed: Sequence[EventDelivery], bodies: Mapping[uuid.UUID, bytes]
) -> list[_Try]:
    """Try one after the other, until it does not answer, asks to be left alone, or enough time has passed.

    None while the database is restored and not recovered: what it remembers may not be so.
    """
    tries: list[_Try] = []
    until = time.monotonic() + BUSY_FOR
    for delivery in claimed:
        if ctx.is_shut:
            break
        tries.append(_try(ctx, endpoint, delivery, bodies[delivery.event_id]))
        last = tries[-1]
        if last.fault or last.asked or last.status == rules.GONE or time.monotonic() >= until:
            break
    return tries


def _try(ctx: Context, endpoint: EventEndpoint, delivery: EventDelivery, body: bytes) -> _Try:
    at, begun = utc_now(), time.monotonic()
    answered: dict[str, Any]
    try:
        signed = headers(delivery.event.public_id, at, body, signing(ctx.vault, endpoint, now=at))
        posted = ctx.event_posts.post(endpoint.address, headers={**STATIC, **signed}, body=body)
        asked = timedelta(seconds=max(posted.retry_after, 0)) if posted.retry_after else None
        answered = {"status": posted.status, "answer": kept(posted.answer)}
        answered["asked"] = None if rules.is_done(posted.status) else asked
    except NotPosted as error:
        answered = {"fault": error.fault}
    except CannotOpen:
        answered = {"fault": Fault.SECRET}
    return _Try(delivery=delivery, at=at, took=time.monotonic() - begun, **answered)


def _write(
    ctx: Context,
    session: Session,
    endpoint: EventEndpoint,
    claimed: Sequence[EventDelivery],
    tries: Sequence[_Try],
    *,
    now: datetime,
) -> None:
    """Keep every try; what each delivery comes to is written only while the claim is ours."""
    locked = endpoints.lock_if_there(session, endpoint.id)
    if locked is None:
        return  # removed meanwhile, with all that waited for it
    fence = claimed[0].next_try_at
    if tries:
        session.execute(insert(EventAttempt), [_attempt(one) for one in tries])
    done = [one for one in tries if one.is_done]
    if done:
        values = {"state": DeliveryState.DELIVERED, "delivered_at": now, "tried_at": now, "next_try_at": None}
        _still_ours(session, [one.delivery.id for one in done], fence, **values)
    has_moved = locked.address != endpoint.address  # what the former address answered says nothing of the new one
    for one in tries:
        if not one.is_done:
            again = {"next_try_at": now} if has_moved else _put_off(one, now=now)
            _still_ours(session, [one.delivery.id], fence, **again)
    untried = [delivery.id for delivery in claimed[len(tries) :]]
    if untried:
        _still_ours(session, untried, fence, next_try_at=now)
    if not has_moved:
        _fare(locked, tries, now=now)
        event_stops.look(ctx, session, locked, is_gone=any(one.status == rules.GONE for one in tries), now=now)
    log.info("events_sent", endpoint_id=str(endpoint.id), count=len(tries), failed=len(tries) - len(done))


def _attempt(one: _Try) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "delivery_id": one.delivery.id,
        "at": one.at,
        "took_ms": round(one.took * 1000),
        "status": one.status,
        "fault": one.fault,
        "answer": one.answer,
    }


def _put_off(one: _Try, *, now: datetime) -> dict[str, Any]:
    """Plan the next try, or give up after the tenth; that we could not sign is no try of theirs."""
    failed = one.delivery.failed + (one.fault is not Fault.SECRET)
    wait = rules.wait(max(failed, 1), luck=random.random(), asked=one.asked)  # noqa: S311 - spreads tries
    if wait is None:
        return {"state": DeliveryState.FAILED, "failed": failed, "tried_at": now, "next_try_at": None}
    return {"failed": failed, "tried_at": now, "next_try_at": now + wait}


def _still_ours(session: Session, ids: Sequence[uuid.UUID], fence: datetime | None, **values: Any) -> None:
    """Write of those that nobody took, replayed or gave up since they were claimed."""
    ours = EventDelivery.id.in_(ids), endpoints.IS_WAITING, EventDelivery.next_try_at == fence
    session.execute(update(EventDelivery).where(*ours).values(values), execution_options={"synchronize_session": False})


def _fare(endpoint: EventEndpoint, tries: Sequence[_Try], *, now: datetime) -> None:
    """Remember how the endpoint fares: what decides whether, and when, it is called again."""
    for one in tries:
        if one.is_done:
            endpoint.succeeded_at, endpoint.failing_since = now, None
            endpoint.unanswered, endpoint.quiet_until = 0, None
            continue
        if one.fault is not Fault.SECRET:
            endpoint.failing_since = endpoint.failing_since or one.at
        endpoint.unanswered = endpoint.unanswered + 1 if one.fault else 0
        if one.fault:
            endpoint.quiet_until = now + rules.quiet(endpoint.unanswered)
        elif one.asked:
            endpoint.quiet_until = now + min(one.asked, rules.MOST_ASKED)
