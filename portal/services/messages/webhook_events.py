"""What a webhook message leads to: PayPal is read, and what it shows is written through the one door (FACTS.md 2.2).

Types are told by their prefix, since PayPal sends more of them than it lists.  Every other type is kept and ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from portal.models import EventState, PayPalEvent
from portal.providers.ports import GatewayRefused, PaymentReading, Refusal, RestGateway
from portal.queries import subscriptions
from portal.queries.money import payments as stored_payments
from portal.services.arrivals import provenances
from portal.services.arrivals.event_outcomes import Handled, NotYet
from portal.services.arrivals.import_rows import Origin
from portal.services.arrivals.rereading import reread
from portal.services.context import Context
from portal.services.messages import webhook_bodies
from portal.services.messages.webhook_bodies import FAILED_PAYMENT, REFUNDED, REVERSED, SALE, SUBSCRIPTION, Envelope
from portal.services.money import payments
from portal.services.money.payments import Told
from portal.services.paypal.gateways import OtherEnvironment, rest_gateway

log = structlog.get_logger(__name__)

AROUND: Final = timedelta(days=2)  # of a sale's time: how far its transaction is looked for
REFUNDABLE: Final = timedelta(days=200)  # before a refund or reversal of a sale that is not known here
SOON: Final = timedelta(hours=1)  # so long a new subscription may take to show at PayPal
STRANGER: Final = timedelta(days=1)  # so long a refund may wait for the message of its sale

DONE: Final = Handled(EventState.DONE)


@dataclass(frozen=True)
class _Sale:
    """The sale of a message: whose subscription it is, and where in time to look for it."""

    told: Told
    subscription: str  # PayPal's id; empty where nothing names one
    start: datetime
    end: datetime


def handle(ctx: Context, event: PayPalEvent, *, now: datetime) -> Handled:
    """Do what the message leads to, and say what became of it.

    Raises NotYet when PayPal does not show it yet, and what `rest_gateway` and its calls raise.
    """
    # A payment that fails is a transaction too, and PayPal tells of it by the subscription.
    is_sale = event.event_type.startswith(SALE) or event.event_type == FAILED_PAYMENT
    try:
        if not provenances.is_proven(ctx, event, now=now):
            return Handled(EventState.REFUSED, "not_paypal")
    except OtherEnvironment:
        return _ignored("other_environment")
    if not is_sale and not event.event_type.startswith(SUBSCRIPTION):
        return _ignored("type")
    try:
        return _sale(ctx, event, now=now) if is_sale else _subscription(ctx, event)
    except OtherEnvironment:
        return _ignored("other_environment")  # the key was changed since: it opens another world
    except GatewayRefused as refused:
        if refused.refusal is not Refusal.NOT_FOUND:
            raise
        return _not_shown(ctx, event, refused, now=now)


def _not_shown(ctx: Context, event: PayPalEvent, refused: GatewayRefused, *, now: datetime) -> Handled:
    """PayPal does not know the subscription: perhaps not yet, and one that goes on here cannot be gone for good.

    A new one may show a moment after its message.  Another account's, or one never approved and forgotten by PayPal
    (FACTS.md 1.4), leaves nothing to write.  One that goes on here is tried until it counts as failed: somebody has
    to look.
    """
    provider_id = event.subject or _find(ctx, event, webhook_bodies.read(event.body or b""), now=now).subscription
    with ctx.db.read() as session:
        known = subscriptions.by_provider_id(
            session, event.merchant_id, environment=event.environment, provider_id=provider_id
        )
    goes_on = known is not None and not known.is_over
    if goes_on or now - (event.replayed_at or event.received_at) < SOON:
        raise NotYet("not_at_paypal")
    log.info("event_subject_not_at_paypal", event_id=str(event.id), debug_id=refused.debug_id)
    return _ignored("not_at_paypal")


def _subscription(ctx: Context, event: PayPalEvent) -> Handled:
    if not event.subject:
        return _ignored("no_subscription")
    reread(ctx, _origin(event), _gateway(ctx, event), event.subject)
    return DONE


def _sale(ctx: Context, event: PayPalEvent, *, now: datetime) -> Handled:
    envelope = webhook_bodies.read(event.body or b"")
    sale = _find(ctx, event, envelope, now=now)
    if not sale.subscription and event.event_type == FAILED_PAYMENT:
        return _ignored("no_subscription")
    if not sale.subscription:
        return _without_subscription(event, envelope, now=now)
    gateway = _gateway(ctx, event)
    reread(ctx, _origin(event), gateway, sale.subscription)
    readings = gateway.list_payments(sale.subscription, start=sale.start, end=sale.end)
    _write(ctx, event, sale, readings, now=now)
    return DONE


def _find(ctx: Context, event: PayPalEvent, envelope: Envelope | None, *, now: datetime) -> _Sale:
    """Find the sale among the stored payments first: a refund dependably names nothing else (FACTS.md 2.2)."""
    told = _told(envelope)
    with ctx.db.read() as session:
        known = stored_payments.by_provider_ids(session, event.merchant_id, event.environment, told.sale_ids)
        subscription = stored_payments.subscription_of(session, known[0]) if known else event.subject
    at = known[0].paid_at if known else _time(event, envelope)
    back = REFUNDABLE if not known and told.move is not None else AROUND
    return _Sale(told, subscription, start=at - back, end=min(at + AROUND, max(at, now) + timedelta(hours=1)))


def _told(envelope: Envelope | None) -> Told:
    if envelope is None:  # the body was purged: what PayPal shows is all there is
        return Told(sale_ids=())
    return Told(sale_ids=envelope.sale_ids, move=envelope.move, refunded_in_all=envelope.refunded_in_all)


def _without_subscription(event: PayPalEvent, envelope: Envelope | None, *, now: datetime) -> Handled:
    """A one-off sale, or a refund of a sale that is not known (yet): of a one-off sale, or come before its sale."""
    if envelope is None:
        return _ignored("body_purged")
    if event.event_type not in (REFUNDED, REVERSED):
        return _ignored("one_off_sale")
    if now - (event.replayed_at or event.received_at) < STRANGER:
        raise NotYet("sale_unknown")
    return _ignored("sale_unknown")


def _write(
    ctx: Context, event: PayPalEvent, sale: _Sale, readings: tuple[PaymentReading, ...], *, now: datetime
) -> None:
    with ctx.db.begin() as session:
        locked = subscriptions.lock_by_provider_id(
            session, event.merchant_id, environment=event.environment, provider_id=sale.subscription
        )
        if locked is None:
            raise NotYet("not_written")
        missing = payments.take_over(ctx, session, locked, readings, sale.told, now=now)
    if missing:  # what PayPal does show stays written
        raise NotYet(missing)


def _time(event: PayPalEvent, envelope: Envelope | None) -> datetime:
    said = envelope.resource_at if envelope else None
    return said or event.happened_at or event.received_at


def _gateway(ctx: Context, event: PayPalEvent) -> RestGateway:
    return rest_gateway(ctx, event.merchant_id, environment=event.environment)


def _origin(event: PayPalEvent) -> Origin:
    return Origin(event.merchant_id, event.environment)


def _ignored(why: str) -> Handled:
    return Handled(EventState.IGNORED, why)
