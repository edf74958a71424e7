"""A key and the pair that it asks about, in one statement: the access check that is asked most (api/short_way.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Text, and_, bindparam, case, cast, select

from portal.domain.integrations.api_keys import Mode
from portal.domain.integrations.public_ids import Kind, public, shown
from portal.models import ApiKey, Merchant
from portal.queries.access.access_checks import (
    External,
    Holding,
    Named,
    bare_holding,
    is_waiting,
    product_of,
)
from portal.queries.access.access_statements import bare_held, given
from portal.queries.account.account_page import product_contents
from portal.queries.account.account_rows import BUYER, OF_PRODUCT, PRODUCT, PlainProduct
from portal.queries.integrations.api_keys import Caller, caller_document, caller_of
from portal.queries.json_rows import Document, json_list
from portal.queries.written import Written


@dataclass(frozen=True, kw_only=True)
class ByKey:
    """A key that was shown, and what there is of the pair that it asks about.

    `holding` is None where a half of the pair is not the merchant's; `is_waiting`: an end waits, and has to be read.
    """

    caller: Caller
    holding: Holding | None
    is_waiting: bool


def facts(connection: Connection, digest: bytes, customer: Named, product: Named) -> str | None:
    """Return whose key has that digest and what there is of the pair, in one statement, as JSON; None for no key's.

    The same text is the same answer, as long as nothing opens or closes in between.
    """
    statement = _by_key(isinstance(customer, External), isinstance(product, External))
    values = {"digest": digest, "customer": customer, "product": product}
    found: str | None = statement.execute(connection, values).scalar_one_or_none()
    return found


def read(text: str) -> ByKey:
    """Return what the facts say."""
    key, customer_id, sold, held, gifts = json.loads(text)
    is_there = customer_id is not None and sold is not None
    return ByKey(
        caller=caller_of(key),
        holding=_holding(customer_id, product_of(sold), held, gifts) if is_there else None,
        is_waiting=is_waiting(held),
    )


def _holding(customer: str, product: PlainProduct, held: Document | None, gifts: Document | None) -> Holding:
    return bare_holding(shown(Kind.CUSTOMER, customer), public(Kind.PRODUCT, product.id), product, held, gifts)


@cache
def _by_key(is_customer_named: bool, is_product_named: bool) -> Written:
    customer = BUYER.external_id if is_customer_named else BUYER.id
    product = OF_PRODUCT.external_id if is_product_named else OF_PRODUCT.id
    environment = case({mode: mode.environment for mode in Mode}, value=ApiKey.mode)
    sold = case((OF_PRODUCT.id.is_not(None), PRODUCT.column(product_contents())))
    return Written(
        select(cast(json_list(caller_document(), BUYER.id, sold, bare_held(environment), given()), Text))
        .select_from(ApiKey)
        .join(Merchant, Merchant.id == ApiKey.merchant_id)
        .outerjoin(BUYER, and_(BUYER.merchant_id == ApiKey.merchant_id, customer == bindparam("customer")))
        .outerjoin(OF_PRODUCT, and_(OF_PRODUCT.merchant_id == ApiKey.merchant_id, product == bindparam("product")))
        .where(ApiKey.digest == bindparam("digest"), Merchant.closed_at.is_(None))
    )
