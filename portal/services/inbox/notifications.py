"""What customers notify on their own page, where they may not end by themselves (product.md, decision 6).

It is a request that came by another way than the button (`received_requests`), and names its subscription.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import Way
from portal.domain.policies import Actor
from portal.models import Customer, EndRequest, Product, ReceivedRequest, Subscription
from portal.queries import subscriptions
from portal.queries.ends import end_requests
from portal.queries.ends import received_requests as stored
from portal.services.context import Context
from portal.services.inbox import received_answers, received_requests
from portal.services.inbox.received_requests import Declaration

BETWEEN: Final = "\n\n– – –\n\n"  # what a customer has said at one time and at another


@dataclass(frozen=True, kw_only=True)
class Notification:
    """What a customer notifies on their own page: nothing but the subscription is needed."""

    merchant_id: uuid.UUID
    customer_id: uuid.UUID
    subscription_id: uuid.UUID
    wished_on: date | None = None
    message: str = ""
    by: By | None = None  # who of the account's people; None: the customer


def notify(ctx: Context, notification: Notification, *, now: datetime) -> ReceivedRequest | None:
    """Write a customer's notification down, dated and acknowledged; while one waits, what is newly said is added to it.

    An end that is planned stands: it answers who wishes that very day, or the day that was notified before it; any
    other stays open, or is open again, for staff to decide.  None when the subscription is over, is being ended
    already, or the customer themselves have planned that end.
    Raises NoResultFound for what is not theirs.
    """
    with ctx.db.begin() as session:
        merchant_id, customer_id = notification.merchant_id, notification.customer_id
        subscriptions.of_customer(session, merchant_id, customer_id, notification.subscription_id)
        subscription = subscriptions.lock(session, merchant_id, notification.subscription_id)
        waiting = stored.lock_open(session, subscription.id)
        if waiting:
            return _add(ctx, session, subscription, waiting[0], notification, now=now)
        planned = end_requests.open_of(session, subscription.id)
        if subscription.is_over or (planned is not None and not planned.is_planned(now)):
            return None
        if planned is None:
            return _write_own(ctx, session, subscription, notification, now=now)
        if notification.wished_on == planned.wished_on:
            if planned.actor is Actor.CUSTOMER:
                return None
            return stand_behind(ctx, session, subscription, planned, notification, now=now)
        known = _known_behind(session, planned)
        if known is None:
            return _write_own(ctx, session, subscription, notification, now=now)
        if notification.wished_on != known.wished_on:
            received_answers.open_again(known, now=now)
        return _add(ctx, session, subscription, known, notification, now=now)


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
    known = _known_behind(session, planned)
    if known is not None:
        return _add(ctx, session, subscription, known, notification, now=now)
    own = _write_own(ctx, session, subscription, notification, now=now)
    received_answers.match(ctx, session, planned.merchant_id, own.id, planned, by=planned.actor_name, now=now)
    return own


def _known_behind(session: Session, planned: EndRequest) -> ReceivedRequest | None:
    """Return what its customer has notified on their page and the plan answers, locked."""
    return next((one for one in stored.lock_matched(session, planned.id) if one.way is Way.ACCOUNT_PAGE), None)


def _add(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    received: ReceivedRequest,
    notification: Notification,
    *,
    now: datetime,
) -> ReceivedRequest:
    """Add what a customer says anew to what waits, under its reference: the newer day counts, every word is kept.

    The same said once more, as by a double click, changes nothing.
    """
    said = received.message.split(BETWEEN)
    words = notification.message if notification.message not in said else ""
    if not words and notification.wished_on == received.wished_on:
        return received
    received.wished_on = notification.wished_on
    received.message = BETWEEN.join(filter(None, (received.message, words)))
    by = notification.by or PORTAL
    received_requests.tell_added(ctx, session, received, subscription, words, by=by, now=now)
    return received


def _write_own(
    ctx: Context, session: Session, subscription: Subscription, notification: Notification, *, now: datetime
) -> ReceivedRequest:
    """Write what a customer notifies of a subscription of theirs."""
    customer = session.get_one(Customer, notification.customer_id)
    product = session.get_one(Product, subscription.product_id)
    by = notification.by or By(actor=Actor.CUSTOMER, actor_id=customer.id, channel=Channel.PORTAL)
    own_name = customer.name or customer.email or subscription.provider_id
    declaration = Declaration(
        merchant_id=notification.merchant_id,
        received_at=now,
        way=Way.ACCOUNT_PAGE,
        name=own_name if by.actor_id == customer.id else by.name,
        email=customer.email,
        contract=" – ".join(filter(None, [product.name, subscription.provider_id])),
        wished_on=notification.wished_on,
        message=notification.message,
        subscription_id=subscription.id,
        by=by,
    )
    return received_requests.write(ctx, session, declaration, now=now)
