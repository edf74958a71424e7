"""The lists of the API: keyset pages, newest first, of one merchant in one of PayPal's two worlds."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, exists, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager, selectinload

from portal.domain.integrations.api_keys import Mode
from portal.domain.integrations.outgoing_events import EventType
from portal.domain.subscriptions import Status
from portal.models import Customer, EndRequest, EventDelivery, Grant, OutgoingEvent, Payment, Product, Subscription

Row = TypeVar("Row")


@dataclass(frozen=True)
class Place:
    """Where a row stands in a list: by its moment, and by its id among those of one moment."""

    at: datetime
    id: uuid.UUID


@dataclass(frozen=True)
class Placed(Generic[Row]):
    """A row and its place."""

    row: Row
    place: Place


@dataclass(frozen=True, kw_only=True)
class Page:
    """Which page of which list is wanted; one row more than `limit` is read, to know whether there is another page."""

    merchant_id: uuid.UUID
    environment: str  # of PayPal: sandbox or live
    after: Place | None
    limit: int


def customers(
    session: Session, page: Page, *, email: str | None = None, external_id: str | None = None
) -> Sequence[Placed[Customer]]:
    """Return customers, whatever they bought; by address in its normal form, or by the merchant's own id."""
    found = select(Customer).where(Customer.merchant_id == page.merchant_id)
    if external_id is not None:
        found = found.where(Customer.external_id == external_id)
    if email is not None:
        found = found.where(Customer.email == email)
    return _rows(session, found, page, Customer.created_at, Customer.id)


def subscriptions(
    session: Session,
    page: Page,
    *,
    customer_id: uuid.UUID | None = None,
    product_id: uuid.UUID | None = None,
    status: Status | None = None,
) -> Sequence[Placed[Subscription]]:
    """Return subscriptions, of one customer, of one product, in one state."""
    found = select(Subscription).where(
        Subscription.merchant_id == page.merchant_id, Subscription.environment == page.environment
    )
    if customer_id is not None:
        found = found.where(Subscription.customer_id == customer_id)
    if product_id is not None:
        found = found.where(Subscription.product_id == product_id)
    if status is not None:
        found = found.where(Subscription.status == status)
    return _rows(session, found, page, Subscription.created_at, Subscription.id)


def payments(
    session: Session, page: Page, *, subscription_id: uuid.UUID | None = None, customer_id: uuid.UUID | None = None
) -> Sequence[Placed[Payment]]:
    """Return payments, of one subscription or of all that a customer has, by when they were made."""
    found = select(Payment).where(Payment.merchant_id == page.merchant_id, Payment.environment == page.environment)
    if subscription_id is not None:
        found = found.where(Payment.subscription_id == subscription_id)
    if customer_id is not None:
        theirs = select(Subscription.id).where(
            Subscription.merchant_id == page.merchant_id, Subscription.customer_id == customer_id
        )
        found = found.where(Payment.subscription_id.in_(theirs))
    return _rows(session, found, page, Payment.paid_at, Payment.id)


def grants(
    session: Session, page: Page, *, customer_id: uuid.UUID | None = None, product_id: uuid.UUID | None = None
) -> Sequence[Placed[Grant]]:
    """Return what was given by hand."""
    found = select(Grant).where(Grant.merchant_id == page.merchant_id)
    if customer_id is not None:
        found = found.where(Grant.customer_id == customer_id)
    if product_id is not None:
        found = found.where(Grant.product_id == product_id)
    return _rows(session, found, page, Grant.created_at, Grant.id)


def products(session: Session, page: Page) -> Sequence[Placed[Product]]:
    """Return products with what they open."""
    found = select(Product).where(Product.merchant_id == page.merchant_id).options(selectinload(Product.contents))
    return _rows(session, found, page, Product.created_at, Product.id)


def end_requests(
    session: Session, page: Page, *, subscription_id: uuid.UUID | None = None
) -> Sequence[Placed[EndRequest]]:
    """Return requests to end a subscription, those that were taken back too."""
    found = (
        select(EndRequest)
        .join(EndRequest.subscription)
        .where(EndRequest.merchant_id == page.merchant_id, Subscription.environment == page.environment)
        .options(contains_eager(EndRequest.subscription))
    )
    if subscription_id is not None:
        found = found.where(EndRequest.subscription_id == subscription_id)
    return _rows(session, found, page, EndRequest.created_at, EndRequest.id)


def events(
    session: Session, page: Page, *, event_type: EventType | None = None, subscription_id: uuid.UUID | None = None
) -> Sequence[Placed[OutgoingEvent]]:
    """Return what other systems were told of that world, or of none; of one type, of one subscription."""
    found = select(OutgoingEvent).where(
        OutgoingEvent.merchant_id == page.merchant_id,
        OutgoingEvent.type != EventType.ENDPOINT_TEST,
        _is_of(page.environment),
    )
    if event_type is not None:
        found = found.where(OutgoingEvent.type == event_type)
    if subscription_id is not None:
        found = found.where(OutgoingEvent.subscription_id == subscription_id)
    return _rows(session, found, page, OutgoingEvent.created_at, OutgoingEvent.id)


def event(session: Session, merchant_id: uuid.UUID, environment: str, key: uuid.UUID) -> OutgoingEvent:
    """Return one event of that world, or of none; raise NoResultFound for any other."""
    which = OutgoingEvent.id == key, OutgoingEvent.merchant_id == merchant_id, _is_of(environment)
    return session.scalars(select(OutgoingEvent).where(*which)).one()


def _is_of(environment: str) -> ColumnElement[bool]:
    """Say whether an event is of that world; one of before it said so is of its subscription's."""
    said = OutgoingEvent.facts["is_test"].as_boolean()
    own = exists().where(Subscription.id == OutgoingEvent.subscription_id, Subscription.environment != environment)
    return and_(said.is_not(environment == Mode.LIVE.environment), ~own)


def delivery_of(session: Session, merchant_id: uuid.UUID, event_id: uuid.UUID, endpoint_id: uuid.UUID) -> uuid.UUID:
    """Return what became of an event at an endpoint, by its id; raise NoResultFound where it was not for it."""
    return session.scalars(
        select(EventDelivery.id).where(
            EventDelivery.event_id == event_id,
            EventDelivery.endpoint_id == endpoint_id,
            EventDelivery.merchant_id == merchant_id,
        )
    ).one()


def subscription(session: Session, merchant_id: uuid.UUID, environment: str, key: uuid.UUID) -> Subscription:
    """Return one subscription of that world; raise NoResultFound for any other."""
    return session.scalars(
        select(Subscription).where(
            Subscription.id == key, Subscription.merchant_id == merchant_id, Subscription.environment == environment
        )
    ).one()


def is_live(
    session: Session,
    merchant_id: uuid.UUID,
    *,
    customer_id: uuid.UUID | None = None,
    product_id: uuid.UUID | None = None,
) -> bool:
    """Say whether the merchant's customer has any subscription that is no test, or the product is sold by one."""
    found = exists().where(Subscription.merchant_id == merchant_id, Subscription.environment == Mode.LIVE.environment)
    if customer_id is not None:
        found = found.where(Subscription.customer_id == customer_id)
    if product_id is not None:
        found = found.where(Subscription.product_id == product_id)
    return bool(session.scalar(select(found)))


def payment(session: Session, merchant_id: uuid.UUID, environment: str, key: uuid.UUID) -> Payment:
    """Return one payment of that world; raise NoResultFound for any other."""
    return session.scalars(
        select(Payment).where(Payment.id == key, Payment.merchant_id == merchant_id, Payment.environment == environment)
    ).one()


def grant(session: Session, merchant_id: uuid.UUID, key: uuid.UUID) -> Grant:
    """Return one gift; raise NoResultFound for another merchant's."""
    return session.scalars(select(Grant).where(Grant.id == key, Grant.merchant_id == merchant_id)).one()


def end_request(session: Session, merchant_id: uuid.UUID, environment: str, key: uuid.UUID) -> EndRequest:
    """Return one request of that world; raise NoResultFound for any other."""
    in_world = exists().where(Subscription.id == EndRequest.subscription_id, Subscription.environment == environment)
    return session.scalars(
        select(EndRequest).where(EndRequest.id == key, EndRequest.merchant_id == merchant_id, in_world)
    ).one()


def _rows(
    session: Session,
    found: Select[Any],
    page: Page,
    at: InstrumentedAttribute[datetime],
    key: InstrumentedAttribute[uuid.UUID],
) -> list[Placed[Any]]:
    """Return one row more than the page holds, newest first."""
    if page.after is not None:
        found = found.where(tuple_(at, key) < tuple_(page.after.at, page.after.id))
    rows = session.scalars(found.order_by(at.desc(), key.desc()).limit(page.limit + 1)).all()
    return [Placed(row, Place(getattr(row, at.key), row.id)) for row in rows]
