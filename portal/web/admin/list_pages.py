"""What the desk's two great lists have in common: filters in the address, chips that take one away, an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import g, request, session, url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.desk.list_filters import LONGEST_SEARCH, PLACE, Fault, ListFilter, Order, Pair, Why
from portal.domain.desk.list_views import FILTERS, List, kept, may_change
from portal.queries.access import products
from portal.queries.desk import list_views
from portal.queries.desk.keyset import Slice
from portal.queries.desk.list_views import ListView
from portal.queries.desk.subscription_filters import Total, Whose
from portal.web.admin import list_words
from portal.web.identity import person
from portal.web.typed_text import as_id

F = TypeVar("F", bound=ListFilter)

LONGEST_KEPT: Final = 1500  # characters of an address that a browser keeps for the way back
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
class ViewLink:
    """A way to see the list; `edit_url` leads to its name."""

    words: str
    url: str
    is_here: bool
    edit_url: str | None = None
    is_shared: bool = False


@dataclass(frozen=True)
class Altered:
    """The view that a list was come to from, which is narrowed or sorted otherwise by now.

    `url`: where it takes that over, with `fields`; None for who may not change it.
    """

    name: str
    url: str | None
    fields: Mapping[str, str]


@dataclass(frozen=True)
class SortLink:
    """The head of a column that the list can be sorted by."""

    url: str
    direction: str | None  # as ARIA says it; None: it is sorted by another


def whose() -> Whose:
    """Return whose list it is."""
    return Whose(merchant_id=person().merchant_id, time_zone=g.merchant.time_zone, now=utc_now())


def asked(reading: Session, filters: type[F]) -> Asked[F]:
    """Read the address; a product, a plan or a view that is not the merchant's, or is gone, is left out and said.

    An address that names a view and nothing else means what the view keeps; the form that was emptied says something.
    """
    pairs = list(request.args.items(multi=True))
    viewed = request.args.get("view", "")
    if not viewed or any(name not in PLACE for name, _value in pairs):
        return checked(reading, filters, pairs)
    who, view_id = person(), as_id(viewed)
    view = list_views.find(reading, who.merchant_id, who.id, view_id) if view_id is not None else None
    if view is not None and FILTERS[view.of_list] is filters:
        return checked(reading, filters, [(name, value) for name, value in view.query])
    gone = Fault("view", viewed[:LONGEST_SEARCH], Why.GONE)
    return Asked(filters(), list_words.faults([gone]), {})


def checked(reading: Session, filters: type[F], pairs: Iterable[tuple[str, str]]) -> Asked[F]:
    """Read parameters as of an address."""
    read = filters.parse(pairs)
    wanted, faults = read.filter, list(read.faults)
    named = [pair for pair in wanted.query() if pair[0] in NAMED]
    names = _names(reading, named) if named else {}
    for name, value in named:
        if value not in names:
            wanted = wanted.without(name, value)
            faults.append(Fault(name, value, Why.GONE))
    return Asked(wanted, list_words.faults(faults), names)


def _names(reading: Session, named: list[tuple[str, str]]) -> dict[str, str]:
    merchant_id = person().merchant_id
    rows = [
        *products.some_names(reading, merchant_id, [UUID(value) for name, value in named if name == "product"]),
        *products.some_plan_names(reading, merchant_id, [UUID(value) for name, value in named if name == "plan"]),
    ]
    return {str(row.id): row.name for row in rows}


def address(endpoint: str, wanted: ListFilter, **more: Any) -> str:
    """Return the address of a list that is narrowed and sorted so."""
    return url_for(endpoint, **grouped(wanted.query()), **more)


def remember(endpoint: str, wanted: ListFilter) -> None:
    """Keep where somebody is in a list, for the way back from a record: in their browser, and no word they searched."""
    named = ("after", "before", "view") if kept(wanted) else ("after", "before")  # a view alone would mean its filters
    place = [(name, request.args[name]) for name in named if request.args.get(name)]
    query = urlencode([*kept(wanted), *place])
    if len(query) <= LONGEST_KEPT:
        session[f"place:{endpoint}"] = query


def way_back(endpoint: str, row_id: UUID) -> str | None:
    """Return the address of the row in the list as it was looked at last; None for who came by another way."""
    query = session.get(f"place:{endpoint}")
    if query is None:
        return None
    return url_for(endpoint, **grouped(parse_qsl(query)), _anchor=f"row-{row_id}")


def grouped(pairs: Iterable[Pair]) -> dict[str, Any]:
    """Return parameters as `url_for` takes them: several values of one name are one list."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def viewed(views: Iterable[ListView]) -> ListView | None:
    """Return the view that the address names, if it is one of these: every way to narrow and sort goes on naming it."""
    named = as_id(request.args.get("view"))
    return next((view for view in views if view.id == named), None)


def from_view(endpoint: str, wanted: ListFilter, view: ListView | None, **more: Any) -> str:
    """Return the address of a list that was come to from a view; the whole list is that of none."""
    return address(endpoint, wanted, **({"view": view.id} if view is not None and wanted.query() else {}), **more)


def chips(endpoint: str, asked_for: Asked[Any], view: ListView | None) -> list[Chip]:
    """Return what narrows the list, each with the address without it."""
    wanted: ListFilter = asked_for.filter
    return [
        Chip(list_words.value(pair, asked_for.names), from_view(endpoint, wanted.without(*pair), view))
        for pair in wanted.narrowing()
    ]


def altered(wanted: ListFilter, view: ListView | None) -> Altered | None:
    """Return what of a view is otherwise by now; None where the list is that of none, or has nothing to keep."""
    here = kept(wanted)
    shown = [(name, value) for name, value in view.query] if view is not None else []
    if view is None or here in ([], shown):
        return None
    who = person()
    may = may_change(who.role, is_own=view.staff_id == who.id, is_shared=view.is_shared)
    url = url_for(".list_view_filters", list_view_id=view.id) if may else None
    return Altered(view.name, url, {"filters": urlencode(here), "shown": urlencode(shown)})


def view_links(endpoint: str, wanted: ListFilter, views: Iterable[ListView]) -> list[ViewLink]:
    """Return the whole list and each view; one is here where the list is narrowed and sorted as it says."""
    here, links = kept(wanted), [ViewLink(_("All"), url_for(endpoint), is_here=not wanted.query())]
    for view in views:
        query = [(name, value) for name, value in view.query]
        to = url_for(endpoint, view=view.id, **grouped(query))
        is_here = not wanted.search and bool(here) and here == query
        edit = url_for(".list_view", list_view_id=view.id)
        links.append(ViewLink(view.name, to, is_here=is_here, edit_url=edit, is_shared=view.is_shared))
    return links


def new_view_url(which: List, wanted: ListFilter) -> str | None:
    """Return where the list as it stands is saved; None where there is nothing to save."""
    return url_for(".list_view_new", list=which.value, **grouped(kept(wanted))) if kept(wanted) else None


def sort_links(
    endpoint: str,
    wanted: ListFilter,
    standing: Order,
    columns: Mapping[str, str | LazyString],
    view: ListView | None,
) -> dict[str, SortLink]:
    """Return a link by each column's label; `columns`: which order it begins with, as in an address."""
    links = {}
    for order, label in columns.items():
        first = Order(order.removeprefix("-"), order.startswith("-"))
        is_here = first.column == standing.column
        then = Order(first.column, not standing.is_descending) if is_here else first
        direction = ("descending" if standing.is_descending else "ascending") if is_here else None
        links[str(label)] = SortLink(from_view(endpoint, wanted.sorted_by(then), view), direction)
    return links


def whole(shown: Slice, search: str) -> Total | None:
    """Return how many there are where the page itself says so; None where they have to be counted.

    Of a search that finds more than a page nothing more is known: counting them would be the search once more.
    """
    if shown.is_whole:
        return Total(len(shown.rows))
    return Total(len(shown.rows), is_more=True) if search else None


def caption(words: str, total: Total, order: Order) -> str:
    """Return what a table is: how many, and in which order; one row has none."""
    if total.number == 1 and not total.is_more:
        return words
    return f"{words}, {list_words.ORDER[order.column][order.is_descending]}"
