"""Every SELECT of requests to end that came by other ways, scoped by merchant."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session, joinedload

from portal.domain.received_requests import ReceivedState
from portal.domain.subscriptions import ENDED
from portal.models import Customer, EndRequest, ReceivedRequest, Subscription
from portal.queries import desk

__all__ = [
    "ReceivedRequest",
    "ReceivedState",
    "found",
    "likely_subscriptions",
    "locale_of",
    "lock",
    "lock_matched",
    "lock_open",
    "notified",
    "of_merchant",
]

LIKELY = 20  # subscriptions proposed for one request


def _whole() -> Select[ReceivedRequest]:
    return select(ReceivedRequest).options(
        joinedload(ReceivedRequest.end_request).joinedload(EndRequest.subscription),
        joinedload(ReceivedRequest.subscription).joinedload(Subscription.product),
    )


def of_merchant(session: Session, merchant_id: uuid.UUID, received_id: uuid.UUID) -> ReceivedRequest:
    """Return one request of the merchant; raise NoResultFound for any other."""
    return session.scalars(
        _whole().where(ReceivedRequest.id == received_id, ReceivedRequest.merchant_id == merchant_id)
    ).one()


def lock(session: Session, merchant_id: uuid.UUID, received_id: uuid.UUID) -> ReceivedRequest:
    """Return one request of the merchant, locked; whoever needs the subscription too has locked it before."""
    return session.scalars(
        select(ReceivedRequest)
        .where(ReceivedRequest.id == received_id, ReceivedRequest.merchant_id == merchant_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def locale_of(session: Session, received: ReceivedRequest) -> str | None:
    """Return the language of the customer who notified it on their page; None for one that came otherwise."""
    return session.scalar(
        select(Customer.locale)
        .join(Subscription, Subscription.customer_id == Customer.id)
        .where(Subscription.id == received.subscription_id)
    )


def lock_matched(session: Session, end_request_id: uuid.UUID) -> list[ReceivedRequest]:
    """Return those for which a request to end stands, locked."""
    return list(
        session.scalars(
            select(ReceivedRequest)
            .where(
                ReceivedRequest.end_request_id == end_request_id,
                ReceivedRequest.state == ReceivedState.MATCHED,
            )
            .order_by(ReceivedRequest.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def lock_open(session: Session, subscription_id: uuid.UUID) -> list[ReceivedRequest]:
    """Return the open ones that name this subscription themselves, locked; its own lock is held."""
    return list(
        session.scalars(
            select(ReceivedRequest)
            .where(ReceivedRequest.subscription_id == subscription_id, ReceivedRequest.state == ReceivedState.OPEN)
            .order_by(ReceivedRequest.id)
            .with_for_update(key_share=True)
        )
    )


def notified(session: Session, subscription_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, ReceivedRequest]:
    """Return the newest that customers notified by the form of each subscription's page."""
    rows = session.scalars(
        select(ReceivedRequest)
        .where(ReceivedRequest.subscription_id.in_(subscription_ids))
        .order_by(ReceivedRequest.received_at, ReceivedRequest.id)
    )
    return {row.subscription_id: row for row in rows if row.subscription_id is not None}


def likely_subscriptions(session: Session, received: ReceivedRequest) -> list[Subscription]:
    """Return the merchant's subscriptions that it may be about: by address, PayPal id or name, the live ones first."""
    name = " ".join(received.name.split()).lower()
    ways = [Subscription.id == received.subscription_id]
    if name:
        ways.append(func.lower(Customer.name) == name)
    if received.email:
        ways.append(Customer.email == received.email)
    ways += [Subscription.provider_id == word for word in received.contract.upper().split() if word.startswith("I-")]
    is_over = case((Subscription.status.in_(ENDED), 1), else_=0)
    is_theirs = case((Customer.email == received.email, 0), else_=1)
    return list(
        session.scalars(
            select(Subscription)
            .join(Subscription.customer)
            .options(joinedload(Subscription.customer), joinedload(Subscription.product))
            .where(Subscription.merchant_id == received.merchant_id, or_(*ways))
            .order_by(is_over, is_theirs, Subscription.next_payment_at.nulls_last(), Subscription.id)
            .limit(LIKELY)
        )
    )


def found(session: Session, merchant_id: uuid.UUID, search: str) -> list[Subscription]:
    """Return subscriptions found by what staff type: an address, a name or a PayPal id, from its beginning."""
    rows = desk.subscriptions_page(session, merchant_id, search=search, size=LIKELY).rows
    return list(
        session.scalars(
            select(Subscription)
            .options(joinedload(Subscription.customer), joinedload(Subscription.product))
            .where(Subscription.id.in_([row.id for row in rows]), Subscription.merchant_id == merchant_id)
            .order_by(Subscription.next_payment_at.nulls_last(), Subscription.id)
        )
    )
