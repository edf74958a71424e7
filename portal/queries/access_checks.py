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

from sqlalchemy import ARRAY, BindParameter, ScalarSelect, Select, Uuid, and_, bindparam, case, func, select
from sqlalchemy.orm import Session

from portal.queries.account_page import product_contents, standing_request
from portal.queries.account_rows import (
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


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What a customer holds of one product: each subscription with the end that was asked for, and what was given."""

    customer_id: uuid.UUID
    product: PlainProduct
    subscriptions: tuple[tuple[PlainSubscription, PlainEndRequest | None], ...]
    grants: tuple[CheckedGrant, ...]


GRANT = JsonRow(CheckedGrant, GIVEN)


def of_pairs(session: Session, merchant_id: uuid.UUID, environment: str, pairs: Sequence[Pair]) -> dict[Pair, Holding]:
    """Return what there is of each pair, in one statement; pairs of which one half is no merchant's are left out."""
    values = {
        "merchant": merchant_id,
        "environment": environment,
        "customers": [customer for customer, _product in pairs],
        "products": [product for _customer, product in pairs],
    }
    rows = session.connection().execute(_checked(), values)
    return {(row.customer, row.product_id): _holding(row) for row in rows}


def _holding(row: Any) -> Holding:
    return Holding(
        customer_id=row.customer,
        product=_product(row.product),
        subscriptions=tuple(_subscription(one, row.product) for one in row.held or ()),
        grants=tuple(map(GRANT.made_of, row.given or ())),
    )


def _product(document: Document) -> PlainProduct:
    copied = list(document)
    return PRODUCT.made_of(copied, tuple(CONTENT.made_of(list(one)) for one in copied[-1] or ()))


def _subscription(document: Document, product: Document) -> tuple[PlainSubscription, PlainEndRequest | None]:
    held, plan, asked = document
    request, payments = asked if asked is not None else (None, None)
    subscription = SUBSCRIPTION.made_of(
        held,
        _product(product),
        PLAN.made_of(plan) if plan is not None else None,
        tuple(map(PAYMENT.made_of, payments or ())),
    )
    return subscription, END_REQUEST.made_of(request) if request is not None else None


@cache
def _checked() -> Select[Any]:
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
            OF_PRODUCT.id.label("product_id"),
            PRODUCT.column(product_contents()).label("product"),
            _held().label("held"),
            _given().label("given"),
        )
        .select_from(pairs)
        .join(BUYER, and_(BUYER.id == pairs.c.customer_id, BUYER.merchant_id == ours))
        .join(OF_PRODUCT, and_(OF_PRODUCT.id == pairs.c.product_id, OF_PRODUCT.merchant_id == ours))
    )


def _held() -> ScalarSelect[Any]:
    plan = case((OF_PLAN.id.is_not(None), PLAN.column()))
    document = json_list(SUBSCRIPTION.column(), plan, standing_request())
    return (
        select(json_all(document, SOLD.created_at, SOLD.id))
        .select_from(SOLD)
        .outerjoin(OF_PLAN, OF_PLAN.id == SOLD.plan_id)
        .where(
            SOLD.customer_id == BUYER.id,
            SOLD.product_id == OF_PRODUCT.id,
            SOLD.merchant_id == BUYER.merchant_id,
            SOLD.environment == bindparam("environment"),
        )
        .correlate(BUYER, OF_PRODUCT)
        .scalar_subquery()
    )


def _given() -> ScalarSelect[Any]:
    return (
        select(json_all(GRANT.column(), GIVEN.since, GIVEN.id))
        .where(GIVEN.customer_id == BUYER.id, GIVEN.product_id == OF_PRODUCT.id)
        .correlate(BUYER, OF_PRODUCT)
        .scalar_subquery()
    )
