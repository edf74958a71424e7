"""What the desk's two great lists have in common: filters in the address, chips that take one away, an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from flask import g, request, url_for
from flask_babel import LazyString
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.list_filters import Fault, ListFilter, Order, Why
from portal.queries import products
from portal.queries.keyset import Slice
from portal.queries.subscription_filters import Total, Whose
from portal.web.admin import list_words
from portal.web.identity import person

F = TypeVar("F", bound=ListFilter)

NAMED: Final = ("product", "plan")  # parameters whose values are rows of the merchant's own


@dataclass(frozen=True)
class Asked(Generic[F]):
    """What the address asks for, what of it was left out, in words, and the names of what it speaks of."""

    filter: F
    faults: tuple[str, ...]
    names: Mapping[str, str]


@dataclass(frozen=True)
class Chip:
    """One thing that narrows the list, and the address without it."""

    words: str
    url: str


@dataclass(frozen=True)
class SortLink:
    """The head of a column that the list can be sorted by."""

    url: str
    direction: str | None  # as ARIA says it; None: it is sorted by another


def whose() -> Whose:
    """Return whose list it is."""
    return Whose(merchant_id=person().merchant_id, time_zone=g.merchant.time_zone, now=utc_now())


def asked(session: Session, filters: type[F]) -> Asked[F]:
    """Read the address; a product or a plan that is not the merchant's, or is gone, is left out and said."""
    return checked(session, filters, request.args.items(multi=True))


def checked(session: Session, filters: type[F], pairs: Iterable[tuple[str, str]]) -> Asked[F]:
    """Read parameters as of an address."""
    read = filters.parse(pairs)
    wanted, faults = read.filter, list(read.faults)
    named = [pair for pair in wanted.query() if pair[0] in NAMED]
    names = _names(session, named) if named else {}
    for name, value in named:
        if value not in names:
            wanted = wanted.without(name, value)
            faults.append(Fault(name, value, Why.GONE))
    return Asked(wanted, tuple(list_words.fault(one) for one in faults), names)


def _names(session: Session, named: list[tuple[str, str]]) -> dict[str, str]:
    merchant_id = person().merchant_id
    rows = [
        *products.some_names(session, merchant_id, [UUID(value) for name, value in named if name == "product"]),
        *products.some_plan_names(session, merchant_id, [UUID(value) for name, value in named if name == "plan"]),
    ]
    return {str(row.id): row.name for row in rows}


def address(endpoint: str, wanted: ListFilter, **more: Any) -> str:
    """Return the address of a list that is narrowed and sorted so."""
    values: dict[str, Any] = {}
    for name, value in wanted.query():
        values.setdefault(name, []).append(value)
    return url_for(endpoint, **values, **more)


def chips(endpoint: str, asked_for: Asked[Any]) -> list[Chip]:
    """Return what narrows the list, each with the address without it."""
    wanted: ListFilter = asked_for.filter
    return [
        Chip(list_words.value(pair, asked_for.names), address(endpoint, wanted.without(*pair)))
        for pair in wanted.narrowing()
    ]


def sort_links(
    endpoint: str, wanted: ListFilter, standing: Order, columns: Mapping[str, str | LazyString]
) -> dict[str, SortLink]:
    """Return a link by each column's label; `columns`: which order it begins with, as in an address."""
    links = {}
    for order, label in columns.items():
        first = Order(order.removeprefix("-"), order.startswith("-"))
        is_here = first.column == standing.column
        then = Order(first.column, not standing.is_descending) if is_here else first
        direction = ("descending" if standing.is_descending else "ascending") if is_here else None
        links[str(label)] = SortLink(address(endpoint, wanted.sorted_by(then)), direction)
    return links


def whole(shown: Slice, search: str) -> Total | None:
    """Return how many there are where the page itself says so; None where they have to be counted.

    Of a search that finds more than a page nothing more is known: counting them would be the search once more.
    """
    if shown.is_whole:
        return Total(len(shown.rows))
    return Total(len(shown.rows), is_more=True) if search else None


def caption(total: str, order: Order) -> str:
    """Return what a table is: how many, and in which order."""
    return f"{total}, {list_words.ORDER[order.column][order.is_descending]}"
