"""Every SELECT of requests to end."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from portal.domain.end_requests import OPEN, RequestState
from portal.models import EndRequest, Product, Subscription


def _whole() -> Select[EndRequest]:
    subscription = joinedload(EndRequest.subscription)
    return select(EndRequest).options(
        subscription.joinedload(Subscription.customer),
        subscription.joinedload(Subscription.product).selectinload(Product.contents),
        subscription.joinedload(Subscription.plan),
    )


def open_of(session: Session, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the subscription's open request, if there is one."""
    return session.scalars(
        select(EndRequest).where(EndRequest.subscription_id == subscription_id, EndRequest.state.in_(OPEN))
    ).one_or_none()


def lock(session: Session, request_id: uuid.UUID) -> EndRequest:
    """Return the request, locked; the caller already holds its subscription's lock."""
    session.execute(select(EndRequest.id).where(EndRequest.id == request_id).with_for_update()).one()
    return session.scalars(_whole().where(EndRequest.id == request_id).execution_options(populate_existing=True)).one()


def of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, reference: str) -> EndRequest:
    """Return the request with that reference on a subscription of the customer; raise NoResultFound."""
    return session.scalars(
        _whole()
        .join(EndRequest.subscription)
        .where(
            EndRequest.reference == reference,
            EndRequest.merchant_id == merchant_id,
            Subscription.customer_id == customer_id,
        )
    ).one()


def of_merchant(session: Session, merchant_id: uuid.UUID, request_id: uuid.UUID) -> EndRequest:
    """Return one request of the merchant; raise NoResultFound for any other."""
    return session.scalars(_whole().where(EndRequest.id == request_id, EndRequest.merchant_id == merchant_id)).one()


def all_of_subscription(session: Session, subscription_id: uuid.UUID) -> list[EndRequest]:
    """Return every request of a subscription, newest first; an undone one stays in the list."""
    return list(
        session.scalars(
            select(EndRequest)
            .where(EndRequest.subscription_id == subscription_id)
            .order_by(EndRequest.created_at.desc(), EndRequest.id)
        )
    )


def latest_of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> dict[uuid.UUID, EndRequest]:
    """Return the newest request of each of the customer's subscriptions, by subscription."""
    rows = session.scalars(
        select(EndRequest)
        .join(EndRequest.subscription)
        .where(EndRequest.merchant_id == merchant_id, Subscription.customer_id == customer_id)
        .where(EndRequest.state != RequestState.WITHDRAWN)
        .order_by(EndRequest.created_at)
    )
    return {request.subscription_id: request for request in rows}


def needing_merchant(session: Session, merchant_id: uuid.UUID, *, limit: int = 200) -> list[EndRequest]:
    """Return what waits for the merchant, the next payment at risk first."""
    return list(
        session.scalars(
            _whole()
            .join(EndRequest.subscription)
            .where(EndRequest.merchant_id == merchant_id, EndRequest.state == RequestState.NEEDS_MERCHANT)
            .order_by(Subscription.next_payment_at.nulls_last(), EndRequest.created_at)
            .limit(limit)
        )
    )


def unconfirmed_since(session: Session, before: datetime, *, limit: int = 500) -> list[EndRequest]:
    """Return open requests older than `before` whose customer has not yet had the honest status mail."""
    return list(
        session.scalars(
            _whole()
            .where(
                EndRequest.state.in_(OPEN - {RequestState.RECORDED}),
                EndRequest.created_at <= before,
                EndRequest.overdue_told_at.is_(None),
            )
            .order_by(EndRequest.created_at)
            .limit(limit)
        )
    )
