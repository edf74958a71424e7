"""What a customer holds: each subscription with its request, its timeline and what was given by hand.

Read in the same few statements whatever the number of subscriptions (performance.md, the account page).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import EndRequest, Grant, Product, Proof, Subscription, TimelineEntry
from portal.queries import end_requests, grants, proofs, subscriptions, timelines


@dataclass(frozen=True, kw_only=True)
class Holding:
    """One subscription with what its pages show. `request` is the newest that stands, or the one asked for."""

    subscription: Subscription
    request: EndRequest | None
    entries: tuple[TimelineEntry, ...] = ()
    grants: tuple[Grant, ...] = ()
    proof: Proof | None = None  # of the request asked for


@dataclass(frozen=True, kw_only=True)
class Gift:
    """A product given by hand to somebody who holds no subscription to it."""

    product_name: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """All of one customer's subscriptions, newest first, and what they were given besides."""

    subscriptions: tuple[Holding, ...]
    gifts: tuple[Gift, ...]


def all_of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> Holdings:
    """Return everything the account page shows, in five statements."""
    rows = subscriptions.all_of_customer(session, merchant_id, customer_id)
    requests = end_requests.latest_of_customer(session, merchant_id, customer_id)
    entries = timelines.all_of_customer(session, merchant_id, customer_id)
    given = session.execute(
        select(Grant, Product.name)
        .join(Product, Grant.product_id == Product.id)
        .where(Grant.merchant_id == merchant_id, Grant.customer_id == customer_id)
        .order_by(Grant.since, Grant.id)
    ).all()
    subscribed = {row.product_id for row in rows}
    return Holdings(
        subscriptions=tuple(
            Holding(
                subscription=row,
                request=requests.get(row.id),
                entries=tuple(entries.get(row.id, ())),
                grants=tuple(grant for grant, _ in given if grant.product_id == row.product_id),
            )
            for row in rows
        ),
        gifts=tuple(
            Gift(product_name=name, since=grant.since, until=grant.until)
            for grant, name in given
            if grant.product_id not in subscribed
        ),
    )


def of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, subscription_id: uuid.UUID
) -> Holding:
    """Return one subscription of the customer with its newest standing request; raise NoResultFound for any other."""
    subscription = subscriptions.of_customer(session, merchant_id, customer_id, subscription_id)
    return Holding(
        subscription=subscription,
        request=end_requests.latest_of_customer(session, merchant_id, customer_id).get(subscription_id),
        entries=tuple(timelines.of_subscription(session, subscription_id)),
        grants=tuple(grants.of_customer(session, merchant_id, customer_id, product_id=subscription.product_id)),
    )


def of_request(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, reference: str) -> Holding:
    """Return a request of the customer with its subscription; raise NoResultFound for any other."""
    request = end_requests.of_customer(session, merchant_id, customer_id, reference)
    product_id = request.subscription.product_id
    return Holding(
        subscription=request.subscription,
        request=request,
        grants=tuple(grants.of_customer(session, merchant_id, customer_id, product_id=product_id)),
        proof=proofs.of_request(session, request.id),
    )
