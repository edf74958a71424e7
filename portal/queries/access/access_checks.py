"""What an access check reads: one statement for one product of one customer, or for five hundred of them.

The rows are those of the account page, so that what is answered is what the customer's pages show.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from portal.domain.access.access import Facts
from portal.domain.integrations.public_ids import Kind, is_public, public, shown
from portal.domain.subscriptions import ENDED, Status
from portal.queries.access import access_statements
from portal.queries.access.access_statements import GRANT, CheckedGrant
from portal.queries.account.account_rows import (
    CONTENT,
    END_REQUEST,
    PAYMENT,
    PLAN,
    PRODUCT,
    SUBSCRIPTION,
    PlainEndRequest,
    PlainProduct,
    PlainSubscription,
)
from portal.queries.json_rows import Document, moment_of


class External(str):
    """An id of the merchant's own, in place of our key."""


Named = uuid.UUID | External
Pair = tuple[str, str]  # a customer and a product, as the outside writes them: by our public id, or the merchant's own
Keys = tuple[str, str]  # of both, as the database writes them


class Bare(NamedTuple):
    """Of a subscription, what its access depends on while no end waits for its day."""

    id: str  # as the outside sees it
    facts: Facts
    promised: dict[str, Any] | None

    @property
    def is_over(self) -> bool:
        """Whether it has ended here."""
        return self.facts.status in ENDED


class Holding(NamedTuple):
    """What a customer holds of one product, and what was given of it; the ids are those that the outside sees.

    `subscriptions` has those whose end waits whole, with that end: what they leave open has to be reckoned.
    """

    customer: str
    product_id: str
    product: PlainProduct
    bare: Sequence[Bare]
    grants: Sequence[CheckedGrant]
    subscriptions: Sequence[tuple[PlainSubscription, PlainEndRequest | None]] = ()


class _Customer(NamedTuple):
    """A customer that is there: our key as the database writes it, and as the outside sees it."""

    key: str
    id: str


class _Sold(NamedTuple):
    """A product that is there, in the same way."""

    key: str
    id: str
    product: PlainProduct


class _Found(NamedTuple):
    """What there is of what was asked: customers and products by what they were asked by, the rows by both keys."""

    customers: dict[str, _Customer]
    products: dict[str, _Sold]
    held: dict[Keys, list[Document]]
    gifts: dict[Keys, list[Document]]


STATUS: Final = {status.value: status for status in Status}


def pair_of(customer: Named, product: Named) -> Pair:
    """Return the pair as the outside writes it."""
    return _named(Kind.CUSTOMER, customer), _named(Kind.PRODUCT, product)


def _named(kind: Kind, one: Named) -> str:
    return one if isinstance(one, External) else public(kind, one)


def of_pairs(
    connection: Connection, merchant_id: uuid.UUID, environment: str, pairs: Sequence[Pair]
) -> list[Holding | None]:
    """Return what there is of each pair, in one statement; None of one of which a half is not the merchant's.

    One more where an end waits for its day.
    """
    found = _read(connection, merchant_id, environment, pairs, is_bare=True)
    made: dict[Keys, Holding | None] = {}  # once, however often it is asked about
    waiting: dict[Keys, Pair] = {}
    asked: list[Keys | None] = []
    for pair in pairs:
        who, sold = found.customers.get(pair[0]), found.products.get(pair[1])
        if who is None or sold is None:
            asked.append(None)
            continue
        keys = who.key, sold.key
        asked.append(keys)
        if keys not in made:
            held = found.held.get(keys)
            if is_waiting(held):
                waiting[keys] = pair
            made[keys] = bare_holding(who.id, sold.id, sold.product, held, found.gifts.get(keys))
    if waiting:
        again = _read(connection, merchant_id, environment, list(waiting.values()), is_bare=False)
        made |= {keys: _whole_holding(again, *pair) for keys, pair in waiting.items()}
    return [made[keys] if keys is not None else None for keys in asked]


def bare_holding(
    customer: str,
    product_id: str,
    product: PlainProduct,
    held: Iterable[Document] | None,
    gifts: Iterable[Document] | None,
) -> Holding:
    """Return it from what the database wrote."""
    return Holding(
        customer,
        product_id,
        product,
        [_bare(*one) for one in held] if held else (),
        [GRANT.made_of(one) for (one,) in gifts] if gifts else (),
    )


def is_waiting(held: Iterable[Document] | None) -> bool:
    """Say whether an end of one of them waits for its day."""
    return any(one[-1] for one in held) if held else False


def product_of(document: Document) -> PlainProduct:
    """Return it from what the database wrote."""
    return PRODUCT.made_of(document, tuple(CONTENT.made_of(one) for one in document[-1] or ()))


def _bare(
    key: str,
    status: str,
    started_at: str | None,
    paid_until: str | None,
    past_due_since: str | None,
    ended_at: str | None,
    withdrawn_at: str | None,
    promised: dict[str, Any] | None,
    _is_waiting: bool,
) -> Bare:
    facts = Facts(
        STATUS[status],
        moment_of(started_at) if started_at else None,
        moment_of(paid_until) if paid_until else None,
        moment_of(past_due_since) if past_due_since else None,
        moment_of(ended_at) if ended_at else None,
        moment_of(withdrawn_at) if withdrawn_at else None,
    )
    return Bare(shown(Kind.SUBSCRIPTION, key), facts, promised)


def _whole_holding(found: _Found, customer: str, product: str) -> Holding | None:
    """Return it with its subscriptions whole; None of one that is gone since."""
    who, sold = found.customers.get(customer), found.products.get(product)
    if who is None or sold is None:
        return None
    keys = who.key, sold.key
    held = tuple(_subscription(one, sold.product) for one in found.held.get(keys, ()))
    return bare_holding(who.id, sold.id, sold.product, None, found.gifts.get(keys))._replace(subscriptions=held)


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


def _read(
    connection: Connection, merchant_id: uuid.UUID, environment: str, pairs: Sequence[Pair], *, is_bare: bool
) -> _Found:
    customers, products = (set(names) for names in zip(*pairs, strict=True))
    their_names = {one for one in customers if not is_public(Kind.CUSTOMER, one)}
    own_names = {one for one in products if not is_public(Kind.PRODUCT, one)}
    values = {
        "merchant": merchant_id,
        "environment": environment,
        "customers": _keys(customers - their_names),
        "their_names": list(their_names),
        "products": _keys(products - own_names),
        "own_names": list(own_names),
    }
    text: str = access_statements.of_pairs(is_bare=is_bare).execute(connection, values).scalar_one()
    people, by_name, sold, held, gifts = json.loads(text)
    buyers = {key: _Customer(key, shown(Kind.CUSTOMER, key)) for key in people or ()}
    made = [(name, _Sold(one[0], shown(Kind.PRODUCT, one[0]), product_of(one))) for name, one in sold or ()]
    return _Found(
        {one.id: one for one in buyers.values()} | {name: buyers[key] for name, key in by_name or ()},
        {one.id: one for _name, one in made} | {name: one for name, one in made if name in own_names},
        _by_pair(held),
        _by_pair(gifts),
    )


def _keys(ids: Iterable[str]) -> str:
    """Return our keys of public ids as PostgreSQL writes an array: made of one text, it costs no object for each."""
    return f"{{{','.join([one.rpartition('_')[2] for one in ids])}}}"


def _by_pair(rows: list[Document] | None) -> dict[Keys, list[Document]]:
    found: dict[Keys, list[Document]] = {}
    for customer, product, *row in rows or ():
        found.setdefault((customer, product), []).append(row)
    return found
