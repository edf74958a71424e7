"""Read one subscription at PayPal and take it over, with no transaction open while PayPal is asked.

Two workers may read the same subscription at once, and the older answer may come to be written last: PayPal's own
status time does not tell, since a payment or a failure leaves it as it is.  So an answer that was asked for before
another one was written is thrown away, and PayPal is asked again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from portal.clock import utc_now
from portal.models import Subscription
from portal.providers.ports import Reading, RestGateway
from portal.queries import subscriptions
from portal.services.arrivals import arrivals
from portal.services.arrivals.event_outcomes import NotYet
from portal.services.arrivals.import_rows import Origin
from portal.services.context import Context
from portal.services.dates.provider_facts import last_read
from portal.services.ends import endings

TRIES: Final = 4


def reread(ctx: Context, origin: Origin, gateway: RestGateway, provider_id: str) -> None:
    """Write what PayPal shows of a REST subscription: a new row, or news of a known one through the one door.

    Raises GatewayRefused and GatewayUnavailable as `show_subscription`; NotYet when it could not be written.
    """
    for _ in range(TRIES):
        asked_at = utc_now()
        reading = gateway.show_subscription(provider_id)
        if _take_over(ctx, origin, gateway, reading, asked_at=asked_at):
            return
    raise NotYet("contended")


def _take_over(ctx: Context, origin: Origin, gateway: RestGateway, reading: Reading, *, asked_at: datetime) -> bool:
    """Write the reading; False when another one was written since it was asked for."""
    with ctx.db.begin() as session:
        known = subscriptions.lock_by_provider_id(
            session, origin.merchant_id, environment=origin.environment, provider_id=reading.provider_id
        )
        if known is not None and last_read(known, now=utc_now()) > asked_at:
            return False
        if known is not None and not _brings_more(known, reading):
            endings.record_reading(ctx, session, known, reading, now=utc_now())
            return True
    if arrivals.take_in(ctx, origin, gateway, reading, asked_at=asked_at).failed:
        raise NotYet("not_written")
    return True


def _brings_more(known: Subscription, reading: Reading) -> bool:
    """Say whether a plan, or the customer's first address, has to be taken in with it."""
    other_plan = reading.plan_id is not None and (known.plan is None or known.plan.provider_id != reading.plan_id)
    return other_plan or (known.customer.email is None and reading.payer_email is not None)
