"""Read one subscription at PayPal and take it over, with no transaction open while PayPal is asked.

Two workers may read the same subscription at once, and the older answer may come to be written last: PayPal's own
status time does not tell, since a payment or a failure leaves it as it is.  So an answer that was asked for before
another one was written is thrown away, and PayPal is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from portal.services.dates.provider_facts import is_over, last_read
from portal.services.ends import endings

TRIES: Final = 4


@dataclass(frozen=True)
class Answer:
    """What PayPal showed of one subscription, and when it was asked."""

    reading: Reading
    asked_at: datetime


def ask(gateway: RestGateway, provider_id: str) -> Answer:
    """Read one subscription; raise GatewayRefused and GatewayUnavailable."""
    asked_at = utc_now()
    return Answer(gateway.show_subscription(provider_id), asked_at)


def reread(
    ctx: Context, origin: Origin, gateway: RestGateway, provider_id: str, *, answer: Answer | None = None
) -> None:
    """Write what PayPal shows of a REST subscription: a new row, or news of a known one through the one door.

    `answer` is one that was got before.  Raises GatewayRefused and GatewayUnavailable as `show_subscription`; NotYet
    when it could not be written.
    """
    for _ in range(TRIES):
        if _take_over(ctx, origin, gateway, answer or ask(gateway, provider_id)):
            return
        answer = None
    raise NotYet("contended")


def is_mere_news(known: Subscription, answer: Answer) -> bool:
    """Say whether the answer can be taken over among others: it stands, begins and ends nothing, brings no plan."""
    if _is_overtaken(known, answer) or is_over(answer.reading) is not known.is_over:
        return False
    return not _brings_more(known, answer.reading)


def _take_over(ctx: Context, origin: Origin, gateway: RestGateway, answer: Answer) -> bool:
    """Write the reading; False when another one was written since it was asked for."""
    reading = answer.reading
    with ctx.db.begin() as session:
        known = subscriptions.lock_by_provider_id(
            session, origin.merchant_id, environment=origin.environment, provider_id=reading.provider_id
        )
        if known is not None and _is_overtaken(known, answer):
            return False
        if known is not None and not _brings_more(known, reading):
            endings.record_reading(ctx, session, known, reading, now=utc_now())
            return True
    if arrivals.take_in(ctx, origin, gateway, reading, asked_at=answer.asked_at).failed:
        raise NotYet("not_written")
    return True


def _is_overtaken(known: Subscription, answer: Answer) -> bool:
    return last_read(known, now=utc_now()) > answer.asked_at


def _brings_more(known: Subscription, reading: Reading) -> bool:
    """Say whether a plan, or the customer's first address, has to be taken in with it."""
    other_plan = reading.plan_id is not None and (known.plan is None or known.plan.provider_id != reading.plan_id)
    return other_plan or (known.customer.email is None and reading.payer_email is not None)
