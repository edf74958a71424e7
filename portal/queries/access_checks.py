"""What an access check reads: one statement for one product of one customer, or for five hundred of them.

The rows are those of the account page, so that what is answered is what the customer's pages show.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    func,
    select,
)
from sqlalchemy.orm import aliased

from portal.domain.end_requests import RequestState
from portal.domain.subscriptions import Status
from portal.models import Customer, Product
from portal.models.held import HasSubscriptionFacts
from portal.queries.account_page import product_contents, standing_request
from portal.queries.account_rows import (
    ASKED,
    BUYER,
    CONTENT,
    END_REQUEST,
    GIVEN,
    OF_PLAN,
    OF_PRODUCT,
    PAYMENT,
    PLAN,
    PRODUCT,
    SOLD,
    SUBSCRIPTION,
    PlainEndRequest,
    PlainProduct,
    PlainSubscription,
)
from portal.queries.json_rows import Document, JsonRow, json_all, json_list


class External(str):
    """An id of the merchant's own, in place of our key."""


Named = uuid.UUID | External
Pair = tuple[Named, Named]  # a customer and a product


@dataclass(frozen=True)
class CheckedGrant:
    """A product given by hand."""

    id: uuid.UUID
    product_id: uuid.UUID
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Bare(HasSubscriptionFacts):
    """Of a subscription, what its access depends on while no end waits for its day."""

    id: uuid.UUID
    status: Status
    started_at: datetime | None
    paid_until: datetime | None
    past_due_since: datetime | None
    ended_at: datetime | None
    withdrawn_at: datetime | None
    promised: dict[str, Any] | None
    product: PlainProduct


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What a customer holds of one product, and what was given of it.

    `subscriptions` has those whose end waits whole, with that end: what they leave open has to be reckoned.
    """

    customer_id: uuid.UUID
    product: PlainProduct
    bare: tuple[Bare, ...] = ()
    subscriptions: tuple[tuple[PlainSubscription, PlainEndRequest | None], ...] = ()
    grants: tuple[CheckedGrant, ...]


GRANT = JsonRow(CheckedGrant, GIVEN)
BARE = JsonRow(Bare, SOLD)


def of_pairs(
    connection: Connection, merchant_id: uuid.UUID, environment: str, pairs: Sequence[Pair]
) -> list[Holding | None]:
    """Return what there is of each pair, in one statement; None of one of which a half is not the merchant's.

    One more where an end waits for its day.
    """
    found: list[Holding | None] = [None] * len(pairs)
    waiting = []
    for row in connection.execute(_checked(is_bare=True), _values(merchant_id, environment, pairs)):
        product = _product(row.product)
        found[row.n - 1] = Holding(
            customer_id=row.customer,
            product=product,
            bare=tuple(BARE.made_of(one[0], product) for one in row.held or ()),
            grants=tuple(map(GRANT.made_of, row.given or ())),
        )
        if any(one[1] for one in row.held or ()):
            waiting.append(row.n - 1)
    if waiting:
        values = _values(merchant_id, environment, [pairs[place] for place in waiting])
        for row in connection.execute(_checked(is_bare=False), values):
            product = _product(row.product)
            found[waiting[row.n - 1]] = Holding(
                customer_id=row.customer,
                product=product,
                subscriptions=tuple(_subscription(one, product) for one in row.held or ()),
                grants=tuple(map(GRANT.made_of, row.given or ())),
            )
    return found


def _values(merchant_id: uuid.UUID, environment: str, pairs: Sequence[Pair]) -> dict[str, Any]:
    customers, products = zip(*pairs, strict=True)
    return {
        "merchant": merchant_id,
        "environment": environment,
        "customers": [one if isinstance(one, uuid.UUID) else None for one in customers],
        "their_names": [one if isinstance(one, External) else None for one in customers],
        "products": [one if isinstance(one, uuid.UUID) else None for one in products],
        "own_names": [one if isinstance(one, External) else None for one in products],
    }


def _product(document: Document) -> PlainProduct:
    return PRODUCT.made_of(document, tuple(CONTENT.made_of(one) for one in document[-1] or ()))


def _subscription(document: Document, product: PlainProduct) -> tuple[PlainSubscription, PlainEndRequest | None]:
    held, plan, asked = document
    request, payments = asked if asked is not None else (None, None)
    subscription = SUBSCRIPTION.made_of(
        held,
        product,
        PLAN.made_of(plan) if plan is not None else None,
        tuple(map(PAYMENT.made_of, payments or ())),
    )
    return subscription, END_REQUEST.made_of(request) if request is not None else None


@cache
def _checked(*, is_bare: bool) -> Select[Any]:
    ids, names = ARRAY(Uuid), ARRAY(Text)
    asked = (
        func.unnest(
            *(bindparam(name, type_=ids) for name in ("customers", "products")),
            *(bindparam(name, type_=names) for name in ("their_names", "own_names")),
        )
        .table_valued("customer", "product", "their_name", "own_name", with_ordinality="n")
        .render_derived(name="q")
    )
    ours: BindParameter[uuid.UUID] = bindparam("merchant")
    customer = _named(Customer, asked.c.customer, asked.c.their_name)
    product = _named(Product, asked.c.product, asked.c.own_name)
    return (
        select(
            asked.c.n,
            BUYER.id.label("customer"),
            PRODUCT.column(product_contents()).label("product"),
            (_bare() if is_bare else _whole()).label("held"),
            _given().label("given"),
        )
        .select_from(asked)
        .join(BUYER, and_(BUYER.id == customer, BUYER.merchant_id == ours))
        .join(
            OF_PRODUCT,
            and_(OF_PRODUCT.id == product, OF_PRODUCT.merchant_id == ours),
        )
    )


def _named(model: Any, key: ColumnElement[Any], name: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return our key: the one that was given, or that of the merchant's own id."""
    own = aliased(model)
    found = select(own.id).where(own.merchant_id == bindparam("merchant"), own.external_id == name)
    return func.coalesce(key, found.scalar_subquery())


def _bare() -> ScalarSelect[Any]:
    """Each subscription with whether an end of it waits for its day."""
    waits = exists().where(
        ASKED.subscription_id == SOLD.id, ASKED.state == RequestState.RECORDED, ASKED.due_at.is_not(None)
    )
    return _held(json_list(BARE.column(), waits)).correlate(BUYER, OF_PRODUCT).scalar_subquery()


def _whole() -> ScalarSelect[Any]:
    plan = case((OF_PLAN.id.is_not(None), PLAN.column()))
    held = _held(json_list(SUBSCRIPTION.column(), plan, standing_request()))
    with_plan = held.outerjoin(OF_PLAN, OF_PLAN.id == SOLD.plan_id)
    return with_plan.correlate(BUYER, OF_PRODUCT).scalar_subquery()


def _held(document: ColumnElement[Any]) -> Select[Any]:
    return (
        select(json_all(document, SOLD.created_at, SOLD.id))
        .select_from(SOLD)
        .where(
            SOLD.customer_id == BUYER.id,
            SOLD.product_id == OF_PRODUCT.id,
            SOLD.merchant_id == BUYER.merchant_id,
            SOLD.environment == bindparam("environment"),
        )
    )


def _given() -> ScalarSelect[Any]:
    return (
        select(json_all(GRANT.column(), GIVEN.since, GIVEN.id))
        .where(GIVEN.customer_id == BUYER.id, GIVEN.product_id == OF_PRODUCT.id)
        .correlate(BUYER, OF_PRODUCT)
        .scalar_subquery()
    )
