"""One subscription as PayPal shows it: a new row with its past, or news of a known one through the one door."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from portal.domain.money.money import Money
from portal.domain.people import email_addresses
from portal.domain.people.profiles import Answer
from portal.domain.policies import Actor
from portal.domain.subscriptions import ENDED, Status
from portal.models import Comeback, Customer, Plan, Product, Provider, Subscription, TimelineKind
from portal.providers.ports import PlanReading, Reading
from portal.queries import subscriptions
from portal.queries.merchants import customer_erasures
from portal.queries.operating import import_runs
from portal.services.arrivals import comeback_arrivals
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.dates.paid_time import late_since, read_again, status_of
from portal.services.dates.provider_facts import last_read, take_over
from portal.services.ends import endings
from portal.services.people import customer_addresses
from portal.services.rules import write_end


@dataclass(frozen=True)
class Offer:
    """A plan with its product. Kept side by side: locking a subscription reads its plan anew, without the product."""

    plan: Plan
    product: Product


@dataclass(frozen=True)
class Origin:
    """Whose subscription it is, and in which of PayPal's worlds."""

    merchant_id: uuid.UUID
    environment: str
    provider: Provider = Provider.PAYPAL_REST


class NoPlan(ValueError):
    """PayPal names no plan at all: there is nothing the subscription could open."""


def write_row(
    ctx: Context,
    session: Session,
    origin: Origin,
    reading: Reading,
    offer: Offer | None,
    *,
    now: datetime,
    asked_at: datetime | None = None,
    comeback: Comeback | None = None,
) -> bool:
    """Write one subscription as PayPal shows it; return whether it is new here. `comeback` is what it came from.

    A known one is matched by PayPal's id only, and goes through `endings.record_reading`, unless PayPal was read
    again after `asked_at`.
    """
    known = subscriptions.by_provider_id(
        session, origin.merchant_id, environment=origin.environment, provider_id=reading.provider_id
    )
    if known is None:
        if offer is None:
            raise NoPlan
        arrived = _create(session, origin, reading, offer, comeback, now=now)
        if comeback is not None:
            comeback_arrivals.record(ctx, session, comeback.id, arrived, reading, now=now)
        return True
    subscription = subscriptions.lock(session, origin.merchant_id, known.id)
    if asked_at is not None and last_read(subscription, now=now) > asked_at:
        return False  # somebody read PayPal after us: theirs stands
    customer_addresses.learn(session, subscription.customer, reading, now=now)
    if offer is not None:
        _follow_plan(subscription, offer)
        if subscription.amount is None or subscription.interval_unit is None:
            reading = _with_plan(reading, offer.plan)
    endings.record_reading(ctx, session, subscription, reading, now=now)
    return False


def _create(
    session: Session, origin: Origin, reading: Reading, offer: Offer, comeback: Comeback | None, *, now: datetime
) -> Subscription:
    owner = comeback_arrivals.customer_of(session, comeback, reading) if comeback is not None else None
    if owner is None or owner.erased_at is not None:  # whoever comes back after an erasure is somebody new
        owner = _customer(session, origin, reading, now=now)
    subscription = Subscription(
        merchant_id=origin.merchant_id,
        customer=owner,
        product=offer.product,
        plan=offer.plan,
        status=Status.PENDING,
        provider=origin.provider,
        provider_id=reading.provider_id,
        environment=origin.environment,
        payer_id=None if owner.erased_at is not None else reading.payer_id,
        provider_status=reading.status,
        provider_read_at=now,
        history_due_at=now if origin.provider is Provider.PAYPAL_REST else None,
        interval_count=1,
        predecessor_id=comeback.subscription_id if comeback is not None else None,
        # Lists go by age: what counts is when the customer subscribed, not when we heard of it.
        created_at=reading.created_at or reading.started_at or now,
    )
    session.add(subscription)
    take_over(subscription, _with_plan(reading, offer.plan), now=now)
    _take_over_life(session, subscription, reading, now=now)
    session.flush()
    read_again(session, subscription, reading, now=now)
    timeline.note(session, subscription, TimelineKind.IMPORTED, key="imported", at=now, word=reading.status)
    return subscription


def _take_over_life(session: Session, subscription: Subscription, reading: Reading, *, now: datetime) -> None:
    """Set the state of a subscription met for the first time.

    A word nobody has seen leaves it *pending*: that opens nothing, invites nobody, can still be ended, and the
    timeline says why. An old end is written without a request: nobody asked here, and nobody is written to.
    """
    seen = status_of(reading, subscription)
    if seen is None:
        timeline.note(session, subscription, TimelineKind.UNKNOWN_WORD, key=reading.status, at=now, word=reading.status)
    elif seen in ENDED:
        # The classic API gives no time of the status: the end of what was paid is the nearest thing known.
        _take_over_end(subscription, seen, at=reading.status_at or late_since(subscription, now=now))
    else:
        subscription.follow(seen, at=late_since(subscription, now=now))


def _take_over_end(subscription: Subscription, seen: Status, *, at: datetime) -> None:
    """Write an end that came before the import, by the same function as any other end.

    One that never paid never began (a plan refused, an approval that led nowhere): it opens nothing.
    """
    if subscription.last_payment_at is not None:
        subscription.follow(Status.ACTIVE, at=at)
    write_end(subscription, subscription.facts, seen, at)
    subscription.count_as(seen, asked_by=Actor.PROVIDER)
    subscription.stopped_at_provider_at, subscription.stop_paid_until = at, subscription.paid_until


def _customer(session: Session, origin: Origin, reading: Reading, *, now: datetime) -> Customer:
    """Return the buyer: by a PayPal account of theirs, else by email address, else a new one, of this merchant only.

    What began before its buyer was erased stays with the row that says nobody.
    """
    begun_at = reading.created_at or reading.started_at
    erased = customer_erasures.erased_owner(session, origin.merchant_id, reading.payer_id, begun_at=begun_at)
    if erased is not None:
        return erased
    email = email_addresses.normal(reading.payer_email) if reading.payer_email else None
    found = _of_payer(session, origin, reading.payer_id) if reading.payer_id else None
    if found is None and email is not None:
        found = import_runs.customer_by_email(session, origin.merchant_id, email)
        if found is not None and found.payer_id is None:
            found.payer_id = reading.payer_id
    if found is None:
        found = Customer(
            merchant_id=origin.merchant_id, email=email, name=reading.payer_name or "", payer_id=reading.payer_id
        )
        session.add(found)
        return found
    if Answer.NAME not in found.own_answers:  # who emptied it wants none
        found.name = found.name or reading.payer_name or ""
    customer_addresses.learn(session, found, reading, now=now)
    return found


def _of_payer(session: Session, origin: Origin, payer_id: str) -> Customer | None:
    """Return whose account it is, or was until they were joined with another customer."""
    found = import_runs.customer_by_payer(session, origin.merchant_id, payer_id)
    return found or import_runs.customer_joined_of(session, origin.merchant_id, payer_id)


def _follow_plan(subscription: Subscription, offer: Offer) -> None:
    """Take over another plan (PayPal's *revise*) with what it opens; an ended subscription keeps its own.

    The old price and rhythm go with the old plan: none at all is better than one that no longer holds.
    """
    if subscription.is_over or subscription.plan_id == offer.plan.id:
        return
    subscription.amount = subscription.currency = subscription.interval_unit = None
    subscription.plan = offer.plan
    subscription.product = offer.product


def _with_plan(reading: Reading, plan: Plan) -> Reading:
    """Add the shared plan's price and rhythm where PayPal's list left them out, unless they are overridden."""
    if reading.plan is not None or reading.plan_overridden:
        return reading
    price = Money(plan.amount, plan.currency) if plan.amount is not None and plan.currency else None
    shared = PlanReading(
        provider_id=plan.provider_id,
        name=plan.name,
        status="",
        price=price,
        interval_unit=plan.interval_unit,
        interval_count=plan.interval_count,
        total_cycles=plan.total_cycles,
        failure_threshold=plan.failure_threshold,
    )
    return replace(reading, plan=shared)
