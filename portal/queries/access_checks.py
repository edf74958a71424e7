"""What an access check reads: one statement for one product of one customer, or for five hundred of them.

The rows are those of the account page, so that what is answered is what the customer's pages show.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
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
    any_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from portal.domain.end_requests import RequestState
from portal.domain.subscriptions import Status
from portal.models import ApiKey, Customer, Product
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
    for place, customer_id, product, held, gifts in _rows(connection, merchant_id, environment, pairs, is_bare=True):
        found[place] = bare_holding(customer_id, product, held, gifts)
        if is_waiting(held):
            waiting.append(place)
    if waiting:
        again = [pairs[place] for place in waiting]
        for place, customer_id, product, held, gifts in _rows(
            connection, merchant_id, environment, again, is_bare=False
        ):
            found[waiting[place]] = Holding(
                customer_id=customer_id,
                product=product,
                subscriptions=tuple(_subscription(one, product) for one in held or ()),
                grants=tuple(map(GRANT.made_of, gifts or ())),
            )
    return found


def bare_holding(
    customer_id: uuid.UUID, product: PlainProduct, held: Document | None, gifts: Document | None
) -> Holding:
    """Return it from what the database wrote."""
    return Holding(
        customer_id=customer_id,
        product=product,
        bare=tuple([BARE.made_of(one, product) for one, _waits in held or ()]),
        grants=tuple(map(GRANT.made_of, gifts)) if gifts else (),
    )


def is_waiting(held: Document | None) -> bool:
    """Say whether an end of one of them waits for its day."""
    return any(waits for _one, waits in held or ())


def product_of(document: Document) -> PlainProduct:
    """Return it from what the database wrote."""
    return PRODUCT.made_of(document, tuple(CONTENT.made_of(one) for one in document[-1] or ()))


def _rows(
    connection: Connection, merchant_id: uuid.UUID, environment: str, pairs: Sequence[Pair], *, is_bare: bool
) -> Iterator[tuple[int, uuid.UUID, PlainProduct, Document | None, Document | None]]:
    """Each pair that is there: its place, its customer, its product (made once), and what is held and given of it."""
    customers, products = zip(*pairs, strict=True)
    values = {
        "merchant": merchant_id,
        "environment": environment,
        "customers": [one if isinstance(one, uuid.UUID) else None for one in customers],
        "their_names": [one if isinstance(one, External) else None for one in customers],
        "products": [one if isinstance(one, uuid.UUID) else None for one in products],
        "own_names": [one if isinstance(one, External) else None for one in products],
    }
    row = connection.execute(_checked(is_bare=is_bare), values).one()
    sold = {one[0]: product_of(one) for one in row.products or ()}  # by its id, as text
    for number, customer, product, held, gifts in row.pairs or ():
        yield number - 1, uuid.UUID(customer), sold[product], held, gifts


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
    """One row: every pair that is there as one document, and beside them each product once."""
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
    environment: BindParameter[str] = bindparam("environment")
    held = bare_held(environment) if is_bare else _whole(environment)
    customer = _named(Customer, asked.c.customer, asked.c.their_name)
    product = _named(Product, asked.c.product, asked.c.own_name)
    pairs = (
        select(json_all(json_list(asked.c.n, BUYER.id, OF_PRODUCT.id, held, given()), asked.c.n))
        .select_from(asked)
        .join(BUYER, and_(BUYER.id == customer, BUYER.merchant_id == ours))
        .join(OF_PRODUCT, and_(OF_PRODUCT.id == product, OF_PRODUCT.merchant_id == ours))
    )
    named = or_(
        OF_PRODUCT.id == any_(bindparam("products", type_=ids)),
        OF_PRODUCT.external_id == any_(bindparam("own_names", type_=names)),
    )
    products = select(json_all(PRODUCT.column(product_contents()), OF_PRODUCT.id)).where(
        OF_PRODUCT.merchant_id == ours, named
    )
    return select(pairs.scalar_subquery().label("pairs"), products.scalar_subquery().label("products"))


def _named(model: Any, key: ColumnElement[Any], name: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return our key: the one that was given, or that of the merchant's own id."""
    own = aliased(model)
    found = select(own.id).where(own.merchant_id == bindparam("merchant"), own.external_id == name)
    return func.coalesce(key, found.scalar_subquery())


def bare_held(environment: ColumnElement[Any]) -> ScalarSelect[Any]:
    """Each subscription with whether an end of it waits for its day."""
    waits = exists().where(
        ASKED.subscription_id == SOLD.id, ASKED.state == RequestState.RECORDED, ASKED.due_at.is_not(None)
    )
    return _held(json_list(BARE.column(), waits), environment).correlate(BUYER, OF_PRODUCT, ApiKey).scalar_subquery()


def _whole(environment: ColumnElement[Any]) -> ScalarSelect[Any]:
    plan = case((OF_PLAN.id.is_not(None), PLAN.column()))
    held = _held(json_list(SUBSCRIPTION.column(), plan, standing_request()), environment)
    with_plan = held.outerjoin(OF_PLAN, OF_PLAN.id == SOLD.plan_id)
    return with_plan.correlate(BUYER, OF_PRODUCT).scalar_subquery()


def _held(document: ColumnElement[Any], environment: ColumnElement[Any]) -> Select[Any]:
    return (
        select(json_all(document, SOLD.created_at, SOLD.id))
        .select_from(SOLD)
        .where(
            SOLD.customer_id == BUYER.id,
            SOLD.product_id == OF_PRODUCT.id,
            SOLD.merchant_id == BUYER.merchant_id,
            SOLD.environment == environment,
        )
    )


def given() -> ScalarSelect[Any]:
    return (
        select(json_all(GRANT.column(), GIVEN.since, GIVEN.id))
        .where(GIVEN.customer_id == BUYER.id, GIVEN.product_id == OF_PRODUCT.id)
        .correlate(BUYER, OF_PRODUCT)
        .scalar_subquery()
    )
