"""PayPal's own word for a message whose certificate could not be led to a root (docs/decisions/0005).

Only of one that PayPal's https address vouched for otherwise: its certificate came from there, and its signature holds.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import null, update

from portal.domain.provenances import Provenance
from portal.models import PayPalEvent, WebhookEndpoint
from portal.providers.deliveries import Delivery
from portal.services import throttles
from portal.services.arrivals.event_outcomes import NotYet
from portal.services.context import Context
from portal.services.paypal.gateways import rest_gateway
from portal.services.throttles import Limit, TooManyTries

ASKED: Final = 600  # times an hour for one merchant: PayPal answers other questions of ours too
WINDOW: Final = timedelta(hours=1)


def kept(delivery: Delivery, endpoint: WebhookEndpoint) -> dict[str, str]:
    """Return what PayPal is asked by, beside the bytes: the headers, and the webhook's id as it was then."""
    given = {name: value for name, value in asdict(delivery).items() if name != "body"}
    return given | {"webhook_id": endpoint.webhook_id or ""}


def is_proven(ctx: Context, event: PayPalEvent, *, now: datetime) -> bool:
    """Say whether the message is PayPal's, asking PayPal where that is still open, and write its word.

    Raises NotYet when PayPal was asked too often or refuses to say, NoKey, CannotOpen, OtherEnvironment and
    GatewayUnavailable.
    """
    if event.provenance is not Provenance.OPEN:
        return True
    if event.body is None or event.delivery is None:
        return False
    about = dict(event.delivery)
    webhook_id = about.pop("webhook_id")
    gateway = rest_gateway(ctx, event.merchant_id, environment=event.environment)
    try:
        throttles.hit(ctx, Limit(name="provenance", who=str(event.merchant_id), count=ASKED, window=WINDOW), now=now)
    except TooManyTries as error:
        raise NotYet("asked_often") from error
    is_own = gateway.is_own_message(Delivery(**about, body=event.body), webhook_id=webhook_id)
    told = {"provenance": Provenance.ASKED} if is_own else {"body": None}  # nobody vouched for it: nothing is kept
    with ctx.db.begin() as session:
        session.execute(update(PayPalEvent).where(PayPalEvent.id == event.id).values(delivery=null(), **told))
    return is_own
