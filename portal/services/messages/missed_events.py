"""After an outage: have PayPal send again what it sent while nobody was there to answer (FACTS.md 2.3).

An event only ever comes in by the address it is sent to, signed: one that is missing here is not read from
PayPal's list, it is asked for again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.audit import PORTAL, Act, By
from portal.models import WebhookEndpoint, WebhookTrouble
from portal.providers.ports import EventReading, GatewayRefused, GatewayUnavailable, Refusal, RestGateway
from portal.queries.merchants import paypal_accounts
from portal.queries.messages import event_lists, webhook_endpoints
from portal.secrets import CannotOpen
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.messages.webhook_registration import NotRegistered, trouble_of
from portal.services.paypal import gateways
from portal.services.paypal.gateways import NoKey

log = structlog.get_logger(__name__)

LONGEST: Final = timedelta(days=30)  # as long as bodies are kept here; nightly comparisons cover what is older
SHARE: Final = timedelta(days=1)  # of one job
BATCH: Final = 100  # events looked up here at once
OURS: Final = ("BILLING.SUBSCRIPTION.", "PAYMENT.SALE.")  # the application's other events were never for this portal
KEY_TROUBLE: Final = frozenset({Refusal.BAD_CREDENTIALS, Refusal.FORBIDDEN})
# Why a fetch stands still: one of these words, or a WebhookTrouble's.
STOPS: Final = {NoKey: "no_key", NotRegistered: "not_registered", CannotOpen: "key_unreadable"}
RETRYING: Final = "retrying"  # PayPal was silent and is asked again


class NothingToAsk(ValueError):
    """No moment of the span is both past and at most 30 days ago."""


@dataclass(kw_only=True)
class Fetched:
    """What one share found: listed at PayPal, already here, sent again, refused to be sent again."""

    listed: int = 0
    known: int = 0
    resent: int = 0
    refused: int = 0


def start_fetch(
    ctx: Context, merchant_id: uuid.UUID, *, start: datetime, end: datetime, by: By = PORTAL, now: datetime
) -> None:
    """Have a worker ask for what was missed from `start` to `end` (aware): at most 30 days back, never ahead.

    Raises NothingToAsk for a span outside that, NoKey, and NotRegistered when PayPal has no webhook of ours to send to.
    """
    start, end = max(start, now - LONGEST), min(end, now)
    if start >= end:
        raise NothingToAsk
    with ctx.db.begin() as session:
        endpoint = _endpoint(session, merchant_id)
        endpoint.last_fetch = {
            "start": start.isoformat(),
            "end": end.isoformat(),
            "until": start.isoformat(),  # how far it has come
            **vars(Fetched()),
        }
        span = [start.isoformat(), end.isoformat()]
        audit.append(session, merchant_id, Act.MESSAGES_FETCHED, by=by, at=now, span=span)
        _defer(session, merchant_id, start=start, end=end)


def fetch_share(
    ctx: Context, merchant_id: uuid.UUID, *, start: datetime, end: datetime, now: datetime, last_try: bool = False
) -> Fetched | None:
    """Ask again for what is missing of the span's first day, and leave the rest to another job.

    None when there is nothing to ask with: no key, no webhook, or PayPal refuses the key.  Raises GatewayUnavailable:
    the job is then tried again unless this was its `last_try`, and finds what has arrived meanwhile.  Either way
    the page is told why.
    """
    until = min(start + SHARE, end)
    try:
        gateway = gateways.rest_gateway(ctx, merchant_id)
        fetched = _ask_again(ctx, merchant_id, gateway, gateway.list_events(start=start, end=until))
    except (NoKey, NotRegistered, CannotOpen) as error:
        _stop(ctx, merchant_id, STOPS[type(error)], end=end)
        return None
    except GatewayRefused as error:
        _stop(ctx, merchant_id, trouble_of(ctx, merchant_id, error, now=now), end=end, debug_id=error.debug_id)
        return None
    except GatewayUnavailable as error:
        trouble = trouble_of(ctx, merchant_id, error, now=now)
        _stop(ctx, merchant_id, trouble if last_try else RETRYING, end=end, debug_id=error.debug_id)
        raise
    log.info("missed_events_asked_for", merchant_id=str(merchant_id), start=start.isoformat(), **vars(fetched))
    with ctx.db.begin() as session:
        _note(_endpoint(session, merchant_id), fetched, until=until)
        if until < end:
            _defer(session, merchant_id, start=until, end=end)
    return fetched


def _note(endpoint: WebhookEndpoint, fetched: Fetched, *, until: datetime) -> None:
    """Add a share to what the page shows; one that is done twice, since its job died, is not counted twice."""
    so_far = endpoint.last_fetch
    if so_far is None or datetime.fromisoformat(so_far["until"]) >= until:
        return
    counts = {name: so_far[name] + count for name, count in vars(fetched).items()}
    going_on = {name: value for name, value in so_far.items() if name not in ("stopped", "debug_id")}
    endpoint.last_fetch = {**going_on, **counts, "until": until.isoformat()}


def _stop(
    ctx: Context, merchant_id: uuid.UUID, word: WebhookTrouble | str, *, end: datetime, debug_id: str = ""
) -> None:
    """Write why a fetch stands still: on the row that tells of it (its key may be gone), not on a newer fetch's."""
    log.warning("missed_events_stopped", merchant_id=str(merchant_id), reason=str(word), debug_id=debug_id)
    with ctx.db.begin() as session:
        for row in webhook_endpoints.lock_all(session, merchant_id):
            so_far = row.last_fetch
            if so_far is not None and so_far["end"] == end.isoformat() != so_far["until"]:
                row.last_fetch = {**so_far, "stopped": str(word), "debug_id": debug_id}


def _endpoint(session: Session, merchant_id: uuid.UUID) -> WebhookEndpoint:
    account = paypal_accounts.of_merchant(session, merchant_id)
    if account is None:
        raise NoKey
    endpoint = webhook_endpoints.of_merchant(session, merchant_id, account.environment)
    if endpoint is None or endpoint.webhook_id is None:
        raise NotRegistered
    return endpoint


def _defer(session: Session, merchant_id: uuid.UUID, *, start: datetime, end: datetime) -> None:
    queue.defer(
        session,
        queue.FETCH_MISSED_EVENTS,
        lock=f"missed:{merchant_id}",
        merchant_id=str(merchant_id),
        start=start.isoformat(),
        end=end.isoformat(),
    )


def _ask_again(ctx: Context, merchant_id: uuid.UUID, gateway: RestGateway, events: Iterable[EventReading]) -> Fetched:
    with ctx.db.read() as session:
        webhook_id = _endpoint(session, merchant_id).webhook_id or ""
    fetched = Fetched()
    for batch in _batches(event for event in events if event.event_type.startswith(OURS)):
        with ctx.db.read() as session:
            known = event_lists.known_ids(session, merchant_id, [event.provider_id for event in batch])
        fetched.listed += len(batch)
        fetched.known += len(known)
        for event in batch:
            if event.provider_id not in known:
                _resend(gateway, event, webhook_id, fetched)
    return fetched


def _resend(gateway: RestGateway, event: EventReading, webhook_id: str, fetched: Fetched) -> None:
    try:
        gateway.resend_event(event.provider_id, webhook_id=webhook_id)
    except GatewayRefused as refused:
        if refused.refusal in KEY_TROUBLE:
            raise
        # PayPal no longer sends this one; the nightly comparison reads what it was about.
        log.warning("event_not_resent", event_id=event.provider_id, issue=refused.issue, debug_id=refused.debug_id)
        fetched.refused += 1
    else:
        fetched.resent += 1


def _batches(events: Iterator[EventReading]) -> Iterator[Sequence[EventReading]]:
    while batch := tuple(islice(events, BATCH)):
        yield batch
