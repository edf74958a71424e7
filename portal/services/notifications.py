"""What customers notify on their own page, where they may not end by themselves (product.md, decision 6).

It is a request that came by another way than the button (`received_requests`), and names its subscription.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from portal.domain.audit import By
from portal.domain.end_requests import Channel
from portal.domain.policies import Actor
from portal.domain.received_requests import Way
from portal.models import Customer, EndRequest, Product, ReceivedRequest, Subscription
from portal.queries import end_requests, subscriptions
from portal.queries import received_requests as stored
from portal.services import received_requests
from portal.services.context import Context
from portal.services.received_requests import Declaration


@dataclass(frozen=True, kw_only=True)
class Notification:
    """What a customer notifies on their own page: nothing but the subscription is needed."""

    merchant_id: uuid.UUID
    customer_id: uuid.UUID
    subscription_id: uuid.UUID
    wished_on: date | None = None
    message: str = ""


def notify(ctx: Context, notification: Notification, *, now: datetime) -> ReceivedRequest | None:
    """Write a customer's notification down, dated and acknowledged; while one is open, that one stands.

    None when the subscription is over, or its end is asked for already.  Raises NoResultFound for what is not theirs.
    """
    with ctx.db.begin() as session:
        merchant_id, customer_id = notification.merchant_id, notification.customer_id
        subscriptions.of_customer(session, merchant_id, customer_id, notification.subscription_id)
        subscription = subscriptions.lock(session, merchant_id, notification.subscription_id)
        standing = stored.lock_open(session, subscription.id)
        if standing:
            return standing[0]
        if subscription.is_over or end_requests.open_of(session, subscription.id) is not None:
            return None
        return _write_own(ctx, session, subscription, notification, now=now)


def stand_behind(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    planned: EndRequest,
    notification: Notification,
    *,
    now: datetime,
) -> ReceivedRequest:
    """Write down that a customer wishes the end that staff have planned, for that day or a later one.

    It is acknowledged, and open again should staff take their plan back: nobody who asked to stop is forgotten.
    A second click finds the first one's.  The subscription's lock is held.
    """
    known = stored.lock_matched(session, planned.id)
    own = next((one for one in known if one.way is Way.ACCOUNT_PAGE), None)
    if own is None:
        own = _write_own(ctx, session, subscription, notification, now=now)
        received_requests.match(ctx, session, planned.merchant_id, own.id, planned, by=planned.actor_name, now=now)
    return own


def _write_own(
    ctx: Context, session: Session, subscription: Subscription, notification: Notification, *, now: datetime
) -> ReceivedRequest:
    """Write what a customer notifies of a subscription of theirs."""
    customer = session.get_one(Customer, notification.customer_id)
    product = session.get_one(Product, subscription.product_id)
    declaration = Declaration(
        merchant_id=notification.merchant_id,
        received_at=now,
        way=Way.ACCOUNT_PAGE,
        name=customer.name or customer.email or subscription.provider_id,
        email=customer.email,
        contract=f"{product.name} {subscription.provider_id}".strip(),
        wished_on=notification.wished_on,
        message=notification.message,
        subscription_id=subscription.id,
        by=By(actor=Actor.CUSTOMER, actor_id=customer.id, channel=Channel.PORTAL),
    )
    return received_requests.write(ctx, session, declaration, locale=customer.locale, now=now)
