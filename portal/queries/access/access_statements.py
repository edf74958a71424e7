"""The statements of an access check (access_checks.py): the parts of one for a pair, and one for many."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Exists,
    ScalarSelect,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    cast,
    exists,
    func,
    or_,
    select,
)

from portal.domain.ends.end_requests import RequestState
from portal.models import ApiKey
from portal.queries.account.account_page import product_contents, standing_request
from portal.queries.account.account_rows import (
    ASKED,
    BUYER,
    GIVEN,
    OF_PLAN,
    OF_PRODUCT,
    PLAN,
    PRODUCT,
    SOLD,
    SUBSCRIPTION,
)
from portal.queries.json_rows import JsonRow, json_all, json_list
from portal.queries.written import Written


@dataclass(frozen=True)
class CheckedGrant:
    """A product given by hand."""

    id: uuid.UUID
    product_id: uuid.UUID
    since: datetime
    until: datetime | None


GRANT: Final = JsonRow(CheckedGrant, GIVEN)
BARE: Final = (
    SOLD.id,
    SOLD.status,
    SOLD.started_at,
    SOLD.paid_until,
    SOLD.past_due_since,
    SOLD.ended_at,
    SOLD.withdrawn_at,
    SOLD.promised,
)


@cache
def of_pairs(*, is_bare: bool) -> Written:
    """One document: the customers that are there, the products, each once, and all that these customers hold.

    By sets instead of pair by pair: it takes the database half the time. What was not asked about is left aside here.
    """
    ours: BindParameter[uuid.UUID] = bindparam("merchant")
    ids, names = ARRAY(Uuid), ARRAY(Text)
    theirs = any_(bindparam("their_names", type_=names))
    is_asked = or_(BUYER.id == any_(bindparam("customers", type_=ids)), BUYER.external_id == theirs)
    buyers = select(BUYER.id, BUYER.external_id).where(BUYER.merchant_id == ours, is_asked).cte("c")
    is_named = or_(
        OF_PRODUCT.id == any_(bindparam("products", type_=ids)),
        OF_PRODUCT.external_id == any_(bindparam("own_names", type_=names)),
    )
    sold = json_list(OF_PRODUCT.external_id, PRODUCT.column(product_contents()))
    document = json_list(
        select(func.json_agg(buyers.c.id)).scalar_subquery(),
        select(func.json_agg(json_list(buyers.c.external_id, buyers.c.id)))
        .where(buyers.c.external_id == theirs)
        .scalar_subquery(),
        select(json_all(sold, OF_PRODUCT.id)).where(OF_PRODUCT.merchant_id == ours, is_named).scalar_subquery(),
        _held(bindparam("environment"), is_bare=is_bare)
        .join(buyers, SOLD.customer_id == buyers.c.id)
        .where(SOLD.merchant_id == ours)
        .scalar_subquery(),
        select(json_all(json_list(GIVEN.customer_id, GIVEN.product_id, GRANT.column()), GIVEN.since, GIVEN.id))
        .join_from(GIVEN, buyers, GIVEN.customer_id == buyers.c.id)
        .scalar_subquery(),
    )
    return Written(select(cast(document, Text)))


def _held(environment: ColumnElement[str], *, is_bare: bool) -> Select[Any]:
    """Each subscription, whose and of what, with what its access depends on."""
    whole = SUBSCRIPTION.column(), case((OF_PLAN.id.is_not(None), PLAN.column())), standing_request()
    held = json_list(SOLD.customer_id, SOLD.product_id, *((*BARE, _waits()) if is_bare else whole))
    found = select(json_all(held, SOLD.created_at, SOLD.id)).select_from(SOLD).where(SOLD.environment == environment)
    return found if is_bare else found.outerjoin(OF_PLAN, OF_PLAN.id == SOLD.plan_id)


def bare_held(environment: ColumnElement[Any]) -> ScalarSelect[Any]:
    """What the customer of a pair holds of its product, each with whether an end of it waits for its day."""
    return (
        select(json_all(json_list(*BARE, _waits()), SOLD.created_at, SOLD.id))
        .select_from(SOLD)
        .where(
            SOLD.customer_id == BUYER.id,
            SOLD.product_id == OF_PRODUCT.id,
            SOLD.merchant_id == BUYER.merchant_id,
            SOLD.environment == environment,
        )
        .correlate(BUYER, OF_PRODUCT, ApiKey)
        .scalar_subquery()
    )


def _waits() -> Exists:
    return exists().where(
        ASKED.subscription_id == SOLD.id, ASKED.state == RequestState.RECORDED, ASKED.due_at.is_not(None)
    )


def given() -> ScalarSelect[Any]:
    """What was given of a pair."""
    return (
        select(json_all(json_list(GRANT.column()), GIVEN.since, GIVEN.id))
        .where(GIVEN.customer_id == BUYER.id, GIVEN.product_id == OF_PRODUCT.id)
        .correlate(BUYER, OF_PRODUCT)
        .scalar_subquery()
    )
