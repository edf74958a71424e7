"""The sale that a webhook message is about: whose it is, and where in time PayPal's transactions are looked through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from portal.models import EventState, PayPalEvent
from portal.queries.money import payments as stored_payments
from portal.services.arrivals.event_outcomes import Handled, NotYet
from portal.services.context import Context
from portal.services.messages import webhook_bodies
from portal.services.messages.webhook_bodies import FAILED_PAYMENT, REFUNDED, REVERSED, SALE, Envelope
from portal.services.money.payments import Told

AROUND: Final = timedelta(days=2)  # of a sale's time: how far its transaction is looked for
REFUNDABLE: Final = timedelta(days=200)  # before a refund or reversal of a sale that is not known here
STRANGER: Final = timedelta(days=1)  # so long a refund may wait for the message of its sale

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Sale:
    """What a message tells of a sale, whose subscription it is, and where in time to look for it."""

    told: Told
    subscription: str  # PayPal's id; empty where nothing names one
    span: Span


def is_sale(event: PayPalEvent) -> bool:
    """Say whether a message is about money: a payment that fails is a transaction too, told by the subscription."""
    return event.event_type.startswith(SALE) or event.event_type == FAILED_PAYMENT


def find(ctx: Context, event: PayPalEvent, *, now: datetime) -> Sale:
    """Find the sale among the stored payments: a refund dependably names nothing else (FACTS.md 2.2)."""
    envelope = webhook_bodies.read(event.body or b"")
    told = _told(envelope)
    with ctx.db.read() as session:
        known = stored_payments.by_provider_ids(session, event.merchant_id, event.environment, told.sale_ids)
        of_sale = stored_payments.subscription_of(session, known[0]) if known and not event.subject else ""
    at = known[0].paid_at if known else _time(event, envelope)
    back = REFUNDABLE if not known and told.move is not None else AROUND
    return Sale(told, event.subject or of_sale, (at - back, min(at + AROUND, max(at, now) + timedelta(hours=1))))


def without_subscription(event: PayPalEvent, *, now: datetime) -> Handled:
    """A one-off sale, or a refund of a sale that is not known (yet): of a one-off sale, or come before its sale.

    Raises NotYet while that sale may still come.
    """
    if event.event_type == FAILED_PAYMENT:
        return Handled(EventState.IGNORED, "no_subscription")
    if webhook_bodies.read(event.body or b"") is None:
        return Handled(EventState.IGNORED, "body_purged")
    if event.event_type not in (REFUNDED, REVERSED):
        return Handled(EventState.IGNORED, "one_off_sale")
    if now - (event.replayed_at or event.received_at) < STRANGER:
        raise NotYet("sale_unknown")
    return Handled(EventState.IGNORED, "sale_unknown")


def spans(sales: Iterable[Sale]) -> list[Span]:
    """Return the times to look through for all of them, those that meet made one."""
    found: list[Span] = []
    for start, end in sorted(sale.span for sale in sales):
        if found and start <= found[-1][1]:
            start, end = found[-1][0], max(end, found.pop()[1])
        found.append((start, end))
    return found


def _told(envelope: Envelope | None) -> Told:
    if envelope is None:  # the body was purged: what PayPal shows is all there is
        return Told(sale_ids=())
    return Told(sale_ids=envelope.sale_ids, move=envelope.move, refunded_in_all=envelope.refunded_in_all)


def _time(event: PayPalEvent, envelope: Envelope | None) -> datetime:
    said = envelope.resource_at if envelope else None
    return said or event.happened_at or event.received_at
