"""Every SELECT behind the desk's lists and records, scoped by merchant. Lists are keyset pages: no OFFSET, no count.

A page is asked for by the id of the row before or after it, so that no name or address stands in a link.  What is
searched is one page, and says when there is more.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, exists, select, tuple_, union
from sqlalchemy.orm import Session, joinedload

from portal.domain.end_requests import OPEN, RequestState
from portal.domain.subscriptions import Status
from portal.models import (
    Customer,
    EndRequest,
    Mail,
    Product,
    Subscription,
    TimelineEntry,
)
from portal.models.names import reading_order
from portal.queries import searches

PAGE: Final = 50
MOST: Final = 100  # of anything that a record lists


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One page of a list. `next_id` and `previous_id` name the row to go on from, None at an end.

    Of a search `is_cut` says that it finds more than is shown.
    """

    rows: Sequence[Row[Any]]
    next_id: uuid.UUID | None = None
    previous_id: uuid.UUID | None = None
    is_cut: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing beyond this page."""
        return self.next_id is None and self.previous_id is None and not self.is_cut


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a list: after a row, before a row, or (neither) at the beginning."""

    after: uuid.UUID | None = None
    before: uuid.UUID | None = None


def has_subscriptions_elsewhere(session: Session, merchant_id: uuid.UUID, environment: str) -> bool:
    """Say whether the merchant has subscriptions of another environment than this one."""
    here, ours = Subscription.environment, Subscription.merchant_id == merchant_id
    # Before it or after it: « not equal » would go through a million in the index.
    return any(session.scalar(select(exists().where(ours, way))) for way in (here < environment, here > environment))


def subscriptions_page(
    session: Session,
    merchant_id: uuid.UUID,
    *,
    status: Status | None = None,
    product_id: uuid.UUID | None = None,
    search: str = "",
    place: Place = Place(),
    size: int = PAGE,
) -> Slice:
    """Return one page of the merchant's subscriptions, newest first, each with the state of its open request."""
    statement = (
        select(
            Subscription.id,
            Subscription.status,
            Subscription.provider_id,
            Subscription.next_payment_at,
            Subscription.amount,
            Subscription.currency,
            Subscription.interval_unit,
            Subscription.interval_count,
            Subscription.customer_id,
            Customer.name,
            Customer.email,
            Customer.erased_at,
            Product.name.label("product"),
            EndRequest.state.label("request_state"),
        )
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(Product, Product.id == Subscription.product_id)
        .outerjoin(EndRequest, and_(EndRequest.subscription_id == Subscription.id, EndRequest.state.in_(OPEN)))
    )
    keys, narrowed = (Subscription.created_at, Subscription.id), subscriptions_match(merchant_id, status, product_id)
    if search:
        wanted = searches.sought(session, search)
        found = searches.subscriptions(merchant_id, wanted, narrowed, most=size + 1)
        return _found(session, statement, keys, found, size=size, descending=True)
    scope = Subscription.merchant_id == merchant_id
    return keyset_page(session, statement.where(*narrowed), keys, scope, place=place, size=size, descending=True)


def subscriptions_match(
    merchant_id: uuid.UUID, status: Status | None, product_id: uuid.UUID | None
) -> list[ColumnElement[bool]]:
    """Return what the list of subscriptions is narrowed by."""
    narrowed = [Subscription.merchant_id == merchant_id]
    if status is not None:
        narrowed.append(Subscription.status == status)
    if product_id is not None:
        narrowed.append(Subscription.product_id == product_id)
    return narrowed


def customers_page(
    session: Session, merchant_id: uuid.UUID, *, search: str = "", place: Place = Place(), size: int = PAGE
) -> Slice:
    """Return one page of the merchant's customers, by name."""
    statement: Select[*tuple[Any, ...]] = select(
        Customer.id, Customer.name, Customer.email, Customer.erased_at, Customer.created_at
    )
    keys, scope = (reading_order(Customer.name), Customer.id), Customer.merchant_id == merchant_id
    if search:
        found = searches.customers(merchant_id, searches.sought(session, search), most=size + 1)
        return _found(session, statement, keys, found, size=size, descending=False)
    return keyset_page(session, statement.where(scope), keys, scope, place=place, size=size, descending=False)


def requests_of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> list[EndRequest]:
    """Return the newest requests on any of the customer's subscriptions, those taken back too."""
    return list(
        session.scalars(
            select(EndRequest)
            .join(EndRequest.subscription)
            .options(joinedload(EndRequest.subscription).joinedload(Subscription.product))
            .where(EndRequest.merchant_id == merchant_id, Subscription.customer_id == customer_id)
            .order_by(EndRequest.created_at.desc(), EndRequest.id)
            .limit(MOST)
        )
    )


def mails_of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> list[Row[Any]]:
    """Return the newest messages to the customer, and about their requests, without what they say.

    Those that were written before messages said whose they are have their request alone.
    """
    columns = (
        *(Mail.id, Mail.kind, Mail.recipient, Mail.language, Mail.created_at, Mail.sent_at, Mail.state),
        *(Mail.report, Mail.report_code, Mail.reported_at, Mail.content.is_not(None).label("has_words")),
    )
    to_them = select(*columns).where(Mail.customer_id == customer_id, Mail.merchant_id == merchant_id)
    about_them = (
        select(*columns)
        .join(EndRequest, Mail.end_request_id == EndRequest.id)
        .join(Subscription, EndRequest.subscription_id == Subscription.id)
        .where(Mail.merchant_id == merchant_id, Subscription.customer_id == customer_id)
    )
    found = union(*(one.order_by(Mail.created_at.desc(), Mail.id).limit(MOST) for one in (to_them, about_them)))
    rows = found.subquery()
    return list(session.execute(select(rows).order_by(rows.c.created_at.desc(), rows.c.id).limit(MOST)))


def timeline_of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID
) -> list[tuple[TimelineEntry, str]]:
    """Return the newest facts of all the customer's subscriptions, each with the product's name."""
    rows = session.execute(
        select(TimelineEntry, Product.name)
        .join(Subscription, TimelineEntry.subscription_id == Subscription.id)
        .join(Product, Product.id == Subscription.product_id)
        .where(Subscription.merchant_id == merchant_id, Subscription.customer_id == customer_id)
        .order_by(TimelineEntry.at.desc(), TimelineEntry.id)
        .limit(MOST)
    )
    return [(entry, name) for entry, name in rows]


def requests_under_way(session: Session, merchant_id: uuid.UUID) -> list[EndRequest]:
    """Return the open requests that the portal itself carries on, the next payment first; one more than a page."""
    return list(
        session.scalars(
            select(EndRequest)
            .join(EndRequest.subscription)
            .options(
                joinedload(EndRequest.subscription).joinedload(Subscription.customer),
                joinedload(EndRequest.subscription).joinedload(Subscription.product).selectinload(Product.contents),
            )
            .where(EndRequest.merchant_id == merchant_id, EndRequest.state.in_(OPEN - {RequestState.NEEDS_MERCHANT}))
            .order_by(Subscription.next_payment_at.nulls_last(), EndRequest.created_at, EndRequest.id)
            .limit(PAGE + 1)
        )
    )


def _found(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    keys: tuple[Any, Any],
    found: Select[*tuple[Any, ...]],
    *,
    size: int,
    descending: bool,
) -> Slice:
    """Read what a search finds, as one page in the list's order; there is one row more where it finds more."""
    order = [key.desc() if descending else key.asc() for key in keys]
    rows = session.execute(statement.where(keys[1].in_(found)).order_by(*order)).all()
    return Slice(rows=rows[:size], is_cut=len(rows) > size)


def keyset_page(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    keys: tuple[Any, Any],
    scope: ColumnElement[bool],
    *,
    place: Place,
    size: int,
    descending: bool,
) -> Slice:
    """Read one page by its keys; one row more than shown tells whether there is another page."""
    backwards = place.before is not None and place.after is None
    anchor_id = place.before if backwards else place.after
    rising = descending == backwards
    if anchor_id is not None:
        anchor = session.execute(select(*keys).where(keys[1] == anchor_id, scope)).one_or_none()
        if anchor is not None:
            here, there = tuple_(*keys), tuple_(*anchor)
            statement = statement.where(here > there if rising else here < there)
        else:
            anchor_id, backwards, rising = None, False, not descending
    order = [key.asc() if rising else key.desc() for key in keys]
    found = session.execute(statement.order_by(*order).limit(size + 1)).all()
    more, rows = len(found) > size, found[:size]
    if backwards:
        rows = rows[::-1]
    if not rows:
        return Slice(rows=rows)
    return Slice(
        rows=rows,
        next_id=rows[-1].id if (more or backwards) else None,
        previous_id=rows[0].id if (more if backwards else anchor_id is not None) else None,
    )
