"""A webhook message at the door: whose address, whose signature, stored once, answered (FACTS.md 2.3, 2.5).

A genuine message that cannot be read is kept too, under its transmission id, and answered as taken: sending it
again would bring the same bytes, and the merchant can see that PayPal said something we do not understand.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog
from sqlalchemy import update

from portal.domain.provenances import Provenance
from portal.models import EventSource, WebhookEndpoint
from portal.providers.deliveries import BadSignature, Delivery, SignatureFault
from portal.providers.ports import GatewayUnavailable
from portal.services.arrivals import provenances
from portal.services.context import Context
from portal.services.messages import events, webhook_bodies, webhook_endpoints

log = structlog.get_logger(__name__)

TEST_WEBHOOK_ID: Final = "WEBHOOK_ID"  # simulate-event signs with this very word (FACTS.md 2.4)
TEST_LASTS: Final = timedelta(hours=1)  # how long after our asking such a message is expected
UNREADABLE: Final = "unreadable"
REMEMBERED: Final = 10_000  # addresses a process remembers

# Addresses that genuine messages came to.  A row is never deleted and its merchant never changes; a webhook id that
# did change fails the signature, and then the row is read anew.  So a message costs no lookup.
_known: dict[str, WebhookEndpoint] = {}


class Intake(StrEnum):
    """What became of a message at the door."""

    STORED = "stored"
    DOUBLED = "doubled"
    TEST = "test"  # our own test came through
    UNKNOWN_ADDRESS = "unknown_address"
    REFUSED = "refused"  # not PayPal's, or not for this webhook
    NOT_NOW = "not_now"  # it cannot be checked at the moment: PayPal sends it again


def take_in(ctx: Context, token: str, delivery: Delivery, *, now: datetime) -> Intake:
    """Check the message that came to the address with `token`, and store it once."""
    known = _known.get(token)
    provenance = _provenance(ctx, known, delivery, now=now) if known is not None else None
    if known is not None and provenance is not None:
        return _store(ctx, known, delivery, provenance, now=now)
    with ctx.db.read() as session:  # met for the first time, or its webhook id has changed
        endpoint = webhook_endpoints.by_token(session, token)
    if endpoint is None:
        return Intake.UNKNOWN_ADDRESS
    if endpoint.webhook_id is None:  # PayPal may call before its answer to our registration is written
        log.warning("webhook_not_registered", merchant_id=str(endpoint.merchant_id))
        return Intake.NOT_NOW
    try:
        provenance = ctx.webhooks.verify(
            delivery, webhook_id=endpoint.webhook_id, environment=endpoint.environment, now=now
        )
    except BadSignature as bad:
        if bad.fault is SignatureFault.SIGNATURE and _is_our_test(ctx, endpoint, delivery, now=now):
            return _note_test(ctx, endpoint, now=now)
        return _refuse(ctx, endpoint, bad.fault, now=now)
    except GatewayUnavailable as error:
        log.warning("webhook_not_checked", merchant_id=str(endpoint.merchant_id), reason=error.reason)
        return Intake.NOT_NOW
    if len(_known) >= REMEMBERED:
        _known.clear()
    _known[token] = endpoint
    return _store(ctx, endpoint, delivery, provenance, now=now)


def _provenance(ctx: Context, endpoint: WebhookEndpoint, delivery: Delivery, *, now: datetime) -> Provenance | None:
    webhook_id, environment = endpoint.webhook_id or "", endpoint.environment
    try:
        return ctx.webhooks.verify(delivery, webhook_id=webhook_id, environment=environment, now=now)
    except (BadSignature, GatewayUnavailable):
        return None  # the address is looked up, and decides


def _store(
    ctx: Context, endpoint: WebhookEndpoint, delivery: Delivery, provenance: Provenance, *, now: datetime
) -> Intake:
    message = _message(endpoint, delivery, provenance)
    if provenance is Provenance.OPEN and message.ignored:  # PayPal cannot be asked about what is no JSON
        return _refuse(ctx, endpoint, SignatureFault.CERTIFICATE, now=now)
    structlog.contextvars.bind_contextvars(paypal_event=message.event_id, merchant_id=str(endpoint.merchant_id))
    with ctx.db.once() as connection:
        stored = events.store(connection, message, now=now)
    return Intake.DOUBLED if stored is events.Stored.KNOWN else Intake.STORED


def _message(endpoint: WebhookEndpoint, delivery: Delivery, provenance: Provenance) -> events.Message:
    envelope = webhook_bodies.read(delivery.body)
    return events.Message(
        merchant_id=endpoint.merchant_id,
        environment=endpoint.environment,
        source=EventSource.WEBHOOK,
        event_id=envelope.event_id if envelope else f"{UNREADABLE}:{delivery.transmission_id}",
        transmission_id=delivery.transmission_id,
        event_type=envelope.event_type if envelope else "",
        subject=envelope.subject if envelope else "",
        body=delivery.body,
        happened_at=envelope.happened_at if envelope else None,
        provenance=provenance,
        delivery=provenances.kept(delivery, endpoint) if provenance is Provenance.OPEN else None,
        ignored="" if envelope else UNREADABLE,
    )


def _is_our_test(ctx: Context, endpoint: WebhookEndpoint, delivery: Delivery, *, now: datetime) -> bool:
    """Say whether it is the made-up event that we asked PayPal for a moment ago."""
    asked = endpoint.test_asked_at
    if asked is None or now - asked > TEST_LASTS:
        return False
    try:
        ctx.webhooks.verify(delivery, webhook_id=TEST_WEBHOOK_ID, environment=endpoint.environment, now=now)
    except BadSignature:
        return False
    return True


def _note_test(ctx: Context, endpoint: WebhookEndpoint, *, now: datetime) -> Intake:
    """Remember that the way is open; the made-up event itself is not kept and leads to nothing."""
    with ctx.db.begin() as session:
        session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint.id).values(test_seen_at=now))
    return Intake.TEST


def _refuse(ctx: Context, endpoint: WebhookEndpoint, fault: SignatureFault, *, now: datetime) -> Intake:
    log.warning("webhook_refused", merchant_id=str(endpoint.merchant_id), fault=fault)
    with ctx.db.begin() as session:
        session.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == endpoint.id)
            .values(last_refused_at=now, last_refusal=fault.value, refused_count=WebhookEndpoint.refused_count + 1)
        )
    return Intake.REFUSED
