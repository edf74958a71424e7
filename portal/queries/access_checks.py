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
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    func,
    select,
)

from portal.domain.end_requests import RequestState
from portal.domain.subscriptions import Status
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

Pair = tuple[uuid.UUID, uuid.UUID]  # a customer and a product


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
) -> dict[Pair, Holding]:
    """Return what there is of each pair, in one statement; pairs of which one half is no merchant's are left out.

    One more where an end waits for its day.
    """
    found, waiting = {}, []
    for row in connection.execute(_checked(is_bare=True), _values(merchant_id, environment, pairs)):
        product = _product(row.product)
        found[row.customer, product.id] = Holding(
            customer_id=row.customer,
            product=product,
            bare=tuple(BARE.made_of(one[0], product) for one in row.held or ()),
            grants=tuple(map(GRANT.made_of, row.given or ())),
        )
        if any(one[1] for one in row.held or ()):
            waiting.append((row.customer, product.id))
    if waiting:
        for row in connection.execute(_checked(is_bare=False), _values(merchant_id, environment, waiting)):
            product = _product(row.product)
            found[row.customer, product.id] = Holding(
                customer_id=row.customer,
                product=product,
                subscriptions=tuple(_subscription(one, product) for one in row.held or ()),
                grants=tuple(map(GRANT.made_of, row.given or ())),
            )
    return found


def _values(merchant_id: uuid.UUID, environment: str, pairs: Sequence[Pair]) -> dict[str, Any]:
    return {
        "merchant": merchant_id,
        "environment": environment,
        "customers": [customer for customer, _product in pairs],
        "products": [product for _customer, product in pairs],
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
    ids = ARRAY(Uuid)
    pairs = (
        func.unnest(bindparam("customers", type_=ids), bindparam("products", type_=ids))
        .table_valued("customer_id", "product_id")
        .render_derived(name="q")
    )
    ours: BindParameter[uuid.UUID] = bindparam("merchant")
    return (
        select(
            BUYER.id.label("customer"),
            PRODUCT.column(product_contents()).label("product"),
            (_bare() if is_bare else _whole()).label("held"),
            _given().label("given"),
        )
        .select_from(pairs)
        .join(BUYER, and_(BUYER.id == pairs.c.customer_id, BUYER.merchant_id == ours))
        .join(OF_PRODUCT, and_(OF_PRODUCT.id == pairs.c.product_id, OF_PRODUCT.merchant_id == ours))
    )


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
