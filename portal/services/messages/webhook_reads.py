"""What PayPal is asked because of webhook messages: one read for those that are about one subscription (FACTS.md 2.2).

Types are told by their prefix, since PayPal sends more of them than it lists.  Every other type is kept and ignored.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from portal.domain.provenances import Provenance
from portal.models import EventState, PayPalEvent
from portal.providers.ports import GatewayRefused, PaymentReading, Refusal, RestGateway
from portal.queries import subscriptions
from portal.services.arrivals import provenances, rereading
from portal.services.arrivals.event_outcomes import Handled, NotYet, Outcome
from portal.services.arrivals.rereading import Answer
from portal.services.context import Context
from portal.services.messages import webhook_sales
from portal.services.messages.batches import Asking
from portal.services.messages.webhook_bodies import SUBSCRIPTION
from portal.services.messages.webhook_sales import Sale, Span
from portal.services.paypal.gateways import OtherEnvironment

log = structlog.get_logger(__name__)

SOON: Final = timedelta(hours=1)  # so long a new subscription may take to show at PayPal


@dataclass(kw_only=True)
class Read:
    """The messages about one subscription, what PayPal answered, and what became of each of them."""

    events: list[PayPalEvent]
    provider_id: str = ""
    answer: Answer | None = None
    sales: dict[uuid.UUID, Sale] = field(default_factory=dict)  # by the message's id
    payments: list[PaymentReading] = field(default_factory=list)
    became: dict[uuid.UUID, Handled | Exception] = field(default_factory=dict)

    @property
    def outcomes(self) -> list[Outcome]:
        """What became of each message."""
        return [(event, self.became[event.id]) for event in self.events]

    @property
    def open(self) -> list[PayPalEvent]:
        """The messages of which it is not known yet."""
        return [event for event in self.events if event.id not in self.became]


def read(ctx: Context, events: list[PayPalEvent], *, asking: Asking[RestGateway], now: datetime) -> Read:
    """Ask PayPal about messages of one subscription. What goes wrong is an outcome, never an exception."""
    found = Read(events=events)
    for event in events:
        try:
            _look_at(ctx, found, event, asking, now=now)
        except Exception as error:
            fail(ctx, found, [event], error, now=now)
    try:
        if found.open:
            found.answer = asking.ask(lambda gateway: rereading.ask(gateway, found.provider_id))
    except Exception as error:
        fail(ctx, found, found.open, error, now=now)
    about_money = [event for event in found.open if event.id in found.sales]
    try:
        for span in webhook_sales.spans(found.sales[event.id] for event in about_money):
            found.payments += asking.ask(partial(_payments, found.provider_id, span))
    except Exception as error:
        fail(ctx, found, about_money, error, now=now)
    return found


def fail(ctx: Context, found: Read, events: list[PayPalEvent], error: Exception, *, now: datetime) -> None:
    """Take an exception for the outcome of these messages, or what it means."""
    for event in events:
        became: Handled | Exception = error
        if isinstance(error, OtherEnvironment):
            became = _ignored("other_environment")  # the key was changed since: it opens another world
        elif isinstance(error, GatewayRefused) and error.refusal is Refusal.NOT_FOUND:
            became = _not_shown(ctx, event, found.provider_id, error, now=now)
        found.became[event.id] = became


def _look_at(ctx: Context, found: Read, event: PayPalEvent, asking: Asking[RestGateway], *, now: datetime) -> None:
    """Find out which subscription a message leads to, or that it leads nowhere."""
    is_open = event.provenance is Provenance.OPEN
    if is_open and not asking.ask(lambda _gateway: provenances.is_proven(ctx, event, now=now)):
        found.became[event.id] = Handled(EventState.REFUSED, "not_paypal")
    elif webhook_sales.is_sale(event):
        sale = webhook_sales.find(ctx, event, now=now)
        if sale.subscription:
            found.sales[event.id], found.provider_id = sale, sale.subscription
        else:
            found.became[event.id] = webhook_sales.without_subscription(event, now=now)
    elif not event.event_type.startswith(SUBSCRIPTION):
        found.became[event.id] = _ignored("type")
    elif not event.subject:
        found.became[event.id] = _ignored("no_subscription")
    else:
        found.provider_id = event.subject


def _payments(provider_id: str, span: Span, gateway: RestGateway) -> tuple[PaymentReading, ...]:
    return gateway.list_payments(provider_id, start=span[0], end=span[1])


def _not_shown(
    ctx: Context, event: PayPalEvent, provider_id: str, refused: GatewayRefused, *, now: datetime
) -> Handled | NotYet:
    """PayPal does not know the subscription: perhaps not yet, and one that goes on here cannot be gone for good.

    A new one may show a moment after its message.  Another account's, or one never approved and forgotten by PayPal
    (FACTS.md 1.4), leaves nothing to write.  One that goes on here is tried until it counts as failed: somebody has
    to look.
    """
    with ctx.db.read() as session:
        known = subscriptions.by_provider_id(
            session, event.merchant_id, environment=event.environment, provider_id=provider_id
        )
    goes_on = known is not None and not known.is_over
    if goes_on or now - (event.replayed_at or event.received_at) < SOON:
        return NotYet("not_at_paypal")
    log.info("event_subject_not_at_paypal", event_id=str(event.id), debug_id=refused.debug_id)
    return _ignored("not_at_paypal")


def _ignored(why: str) -> Handled:
    return Handled(EventState.IGNORED, why)
