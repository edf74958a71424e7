"""What a customer holds: each subscription with its request, its timeline and what was given by hand.

Read in the same few statements whatever the number of subscriptions (performance.md, the account page).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.policies import Override
from portal.domain.subscriptions import may_invite_back
from portal.models import (
    EndRequest,
    Grant,
    LatePayment,
    PauseRequest,
    Product,
    Proof,
    ReceivedRequest,
    Subscription,
    TimelineEntry,
    TimelineKind,
)
from portal.queries import (
    askings,
    comebacks,
    end_requests,
    grants,
    pauses,
    proofs,
    received_requests,
    subscriptions,
    timelines,
)
from portal.queries.comebacks import Prospect
from portal.queries.money import late_payments


@dataclass(frozen=True, kw_only=True)
class Holding:
    """One subscription with what its pages show. `request` is the newest that stands, or the one asked for."""

    subscription: Subscription
    request: EndRequest | None
    entries: tuple[TimelineEntry, ...] = ()
    grants: tuple[Grant, ...] = ()
    pauses: tuple[PauseRequest, ...] = ()  # every one, newest first
    prospect: Prospect | None = None  # of coming back; None for what may not be invited back
    proof: Proof | None = None  # of the request asked for
    successor: EndRequest | None = None  # what stands since the request asked for was withdrawn
    notified: ReceivedRequest | None = None  # the newest that the customer notified by the form
    comment: str = ""  # of the notification that the request asked for answers
    late: tuple[LatePayment, ...] = ()  # came after the end, and is not settled


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


def all_of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, self_cancellation: bool = False
) -> Holdings:
    """Return everything the account page shows, in six statements whatever the number of subscriptions.

    Two more when one may be invited back or an end waits for its day, one more where money came after an end, and one
    more where a customer cannot cancel by themselves and notifies instead (`self_cancellation`: the switch), or has
    notified and waits.
    """
    rows = subscriptions.all_of_customer(session, merchant_id, customer_id)
    requests = end_requests.latest_of_customer(session, merchant_id, customer_id)
    planned = [one.subscription_id for one in requests.values() if one.is_open and one.due_at is not None]
    if planned:
        subscriptions.load_payments(session, planned)
    entries = timelines.all_of_customer(session, merchant_id, customer_id)
    paused = pauses.all_of_customer(session, merchant_id, customer_id)
    prospects = comebacks.prospects(session, merchant_id, customer_id, rows)
    own = Override.ON if self_cancellation else Override.OFF
    off = {row.id for row in rows if Override.OFF in (row.product.self_cancellation, own)}
    off |= {row.id for row in rows if row.end_requested_at is not None and row.id not in requests}
    notified = received_requests.notified(session, off) if off else {}
    over = [row.id for row in rows if _had_late_money(entries.get(row.id, ()))]
    late = late_payments.open_of(session, over) if over else {}
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
                pauses=tuple(paused.get(row.id, ())),
                prospect=prospects.get(row.id),
                notified=notified.get(row.id),
                late=tuple(late.get(row.id, ())),
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
        pauses=tuple(pauses.all_of_subscription(session, subscription_id)),
        grants=tuple(grants.of_customer(session, merchant_id, customer_id, product_id=subscription.product_id)),
        prospect=_prospect(session, subscription),
        notified=received_requests.notified(session, [subscription_id]).get(subscription_id),
        late=tuple(late_payments.open_of(session, [subscription_id]).get(subscription_id, ())),
    )


def of_request(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, reference: str) -> Holding:
    """Return a request of the customer with its subscription; raise NoResultFound for any other."""
    request = end_requests.of_customer(session, merchant_id, customer_id, reference)
    product_id = request.subscription.product_id
    return Holding(
        subscription=request.subscription,
        request=request,
        grants=tuple(grants.of_customer(session, merchant_id, customer_id, product_id=product_id)),
        prospect=_prospect(session, request.subscription),
        proof=proofs.of_request(session, request.id),
        comment=askings.told_before(session, request).comment,
        successor=end_requests.successor(session, request) if request.withdrawn_at is not None else None,
    )


def _had_late_money(entries: Iterable[TimelineEntry]) -> bool:
    return any(entry.kind is TimelineKind.LATE_PAYMENT for entry in entries)


def _prospect(session: Session, subscription: Subscription) -> Prospect | None:
    if not may_invite_back(subscription.status, relaunch_allowed=subscription.relaunch_allowed):
        return None
    merchant_id, customer_id = subscription.merchant_id, subscription.customer_id
    rows = subscriptions.sold_to(session, merchant_id, customer_id)
    return comebacks.prospects(session, merchant_id, customer_id, rows).get(subscription.id)
