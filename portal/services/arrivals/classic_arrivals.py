"""A classic subscription that PayPal shows, whether an IPN or a list of ids led to it (FACTS.md 3, 4).

Classic profiles have no plan at PayPal, only terms of their own.  Here each set of terms is a plan, made once, and
each description (PayPal's DESC) a product: that is what the merchant named the thing for sale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.i18n import Translator
from portal.models import Merchant, Plan, Product, Subscription
from portal.providers.ports import ClassicGateway, PlanReading, Reading
from portal.queries import subscriptions
from portal.queries.operating import import_runs, profile_imports
from portal.queries.people import merchants
from portal.services.arrivals.event_outcomes import NotYet
from portal.services.arrivals.import_rows import Offer, Origin, write_row
from portal.services.context import Context
from portal.services.dates.provider_facts import last_read

TRIES: Final = 4
PREFIX: Final = profile_imports.CLASSIC_PLAN


class Outdated(Exception):
    """Another answer of PayPal's was written since this one was asked for: which is newer cannot be told."""


def reread(
    ctx: Context, origin: Origin, gateway: ClassicGateway, provider_id: str, *, add: Callable[[Reading], Reading]
) -> bool:
    """Read a profile and write what PayPal shows, with what `add` knows besides; return whether it is new here.

    A profile has no time of its state, so an answer that another one overtook is thrown away and PayPal is asked
    again.  Raises GatewayRefused and GatewayUnavailable as `show_subscription`; NotYet when it could not be written.
    """
    for _ in range(TRIES):
        asked_at = utc_now()
        reading = add(gateway.show_subscription(provider_id))
        try:
            return take_in(ctx, origin, reading, asked_at=asked_at)
        except Outdated:
            continue
    raise NotYet("contended")


def take_in(ctx: Context, origin: Origin, reading: Reading, *, asked_at: datetime | None = None) -> bool:
    """Write one classic subscription in a transaction of its own; return whether it is new here. Raises Outdated."""
    with ctx.db.begin() as session:
        return write(ctx, session, origin, reading, now=utc_now(), asked_at=asked_at)


def write(
    ctx: Context,
    session: Session,
    origin: Origin,
    reading: Reading,
    *,
    now: datetime,
    asked_at: datetime | None = None,
) -> bool:
    """Write one classic subscription as PayPal shows it; return whether it is new here.

    A known one goes through the one door.  `origin` must name the classic world.  Raises Outdated when the
    subscription was read again after `asked_at`.
    """
    held = _lock(session, origin, reading)
    if held is None:
        # Two messages of one sign-up come at once: the second one waits here, and then knows it.
        merchants.lock(session, origin.merchant_id)
        held = _lock(session, origin, reading)
    if held is not None and asked_at is not None and last_read(held, now=now) > asked_at:
        raise Outdated
    if held is not None:
        held.provider = origin.provider  # whatever was thought before: the classic API shows it
    return write_row(ctx, session, origin, reading, _offer(session, origin, reading, now=now), now=now)


def plan_key(plan: PlanReading) -> str:
    """Return the id of the plan row for these terms: the same terms, the same plan."""
    price = (format(plan.price.amount.normalize(), "f"), plan.price.currency) if plan.price else ("", "")
    terms = (plan.name, *price, plan.interval_unit or "", str(plan.interval_count), str(plan.total_cycles))
    return PREFIX + hashlib.sha256("\n".join(terms).encode()).hexdigest()[:32]


def _lock(session: Session, origin: Origin, reading: Reading) -> Subscription | None:
    return subscriptions.lock_by_provider_id(
        session, origin.merchant_id, environment=origin.environment, provider_id=reading.provider_id
    )


def _offer(session: Session, origin: Origin, reading: Reading, *, now: datetime) -> Offer:
    """Return the plan of the reading's terms with the product of its description, made where there is none."""
    terms = reading.plan or PlanReading(provider_id=reading.provider_id, name="", status="")
    key = plan_key(terms)
    found = import_runs.plans_by_provider_id(session, origin.merchant_id, origin.environment, [key]).get(key)
    if found is None:
        merchants.lock(session, origin.merchant_id)
        found = import_runs.plans_by_provider_id(session, origin.merchant_id, origin.environment, [key]).get(key)
    plan = found or _new_plan(session, origin, terms, key, now=now)
    return Offer(plan, plan.product)


def _new_plan(session: Session, origin: Origin, terms: PlanReading, key: str, *, now: datetime) -> Plan:
    price = terms.price
    plan = Plan(
        merchant_id=origin.merchant_id,
        product=_product(session, origin, terms.name),
        environment=origin.environment,
        provider_id=key,
        name=terms.name,
        amount=price.amount if price else None,
        currency=price.currency if price else None,
        interval_unit=terms.interval_unit,
        interval_count=terms.interval_count,
        total_cycles=terms.total_cycles,
        failure_threshold=terms.failure_threshold,
        read_at=now,
    )
    session.add(plan)
    session.flush()
    return plan


def _product(session: Session, origin: Origin, description: str) -> Product:
    """Return the product of a description, also when the merchant has renamed it since."""
    found = profile_imports.product_of_description(session, origin.merchant_id, origin.environment, description)
    if found is not None:
        return found
    merchant = session.get_one(Merchant, origin.merchant_id)
    name = description or Translator(merchant.locale).gettext("Subscription sold by a classic PayPal button")
    return Product(merchant_id=origin.merchant_id, name=name, contents=[])
