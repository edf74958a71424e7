"""What a list of the desk is narrowed and sorted by, as it stands in its address: read, checked and written back.

Parameters are English words that stay.  What makes no sense is left out and told, so that nobody takes the list for
another one.  The lists themselves: subscription_filters.py, customer_filters.py.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

Pair = tuple[str, str]

LONGEST_SEARCH: Final = 128
MOST_VALUES: Final = 50  # of one filter
PLACE: Final = frozenset({"after", "before", "view"})  # parameters that say where in a list, or whose words: no filters
FROM, TO = "_from", "_to"
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Why(StrEnum):
    """Why something of an address is left out."""

    UNKNOWN = "unknown"  # no such filter
    NO_VALUE = "no_value"  # the filter knows no such value
    NO_DAY = "no_day"
    BACKWARDS = "backwards"  # a period that ends before it begins
    TWICE = "twice"  # two answers where there is one
    TOO_MANY = "too_many"
    GONE = "gone"  # a product or a plan that is not there, or no more


@dataclass(frozen=True)
class Fault:
    """One parameter that is left out."""

    name: str
    value: str
    why: Why
    begins: str = ""  # of a period that ends before that: its first day


@dataclass(frozen=True)
class Days:
    """Days of the merchant's calendar, both among them; None: open on that side."""

    first: date | None = None
    last: date | None = None

    def __bool__(self) -> bool:
        """Whether they narrow anything."""
        return self.first is not None or self.last is not None


ANY_DAY: Final = Days()


@dataclass(frozen=True)
class Order:
    """What a list is sorted by."""

    column: str
    is_descending: bool = False

    def __str__(self) -> str:
        """Return it as it stands in an address."""
        return f"-{self.column}" if self.is_descending else self.column


@dataclass(frozen=True)
class Field:
    """One parameter: the attribute that holds its value, how a text becomes one, and a text of one."""

    name: str
    attribute: str
    read: Callable[[str], Any]  # None for what is no value
    is_many: bool = False
    why: Why = Why.NO_VALUE


F = TypeVar("F", bound="ListFilter")


@dataclass(frozen=True)
class Parsed(Generic[F]):
    """What an address says, and what of it is left out."""

    filter: F
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ListFilter:
    """What every list is narrowed by; several values of one filter are alternatives, several filters all hold."""

    FIELDS: ClassVar[tuple[Field, ...]] = ()
    ALIASES: ClassVar[dict[str, str]] = {}  # former names, which bookmarks still hold
    SORTS: ClassVar[frozenset[str]] = frozenset()
    PERIODS: ClassVar[tuple[str, ...]] = ()

    search: str = ""
    order: Order | None = None  # None: the list's own

    @classmethod
    def parse(cls, pairs: Iterable[Pair]) -> Parsed[Self]:
        """Return the filter that these parameters name; empty ones are no answer, as of a form that is sent."""
        values: dict[str, Any] = {}
        faults: list[Fault] = []
        known = {one.name: one for one in cls.fields()}
        for written, value in pairs:
            name = cls.ALIASES.get(written, written)
            if name in PLACE or not value.strip():
                continue
            field = known.get(name)
            why = Why.UNKNOWN if field is None else _take(values, field, value)
            if why is not None:
                faults.append(Fault(written, value[:LONGEST_SEARCH], why))
        for name in cls.PERIODS:
            values[name] = _period(values, name, faults)
        return Parsed(cls(**values), tuple(faults))

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """Return every parameter in the order in which it is written."""
        days = (Field(name + end, name + end, read_day, why=Why.NO_DAY) for name in cls.PERIODS for end in (FROM, TO))
        return (
            Field("q", "search", _search),
            *cls.FIELDS,
            *days,
            Field("sort", "order", lambda text: _order(text, cls.SORTS)),
        )

    def query(self) -> list[Pair]:
        """Return the parameters of an address that means the same, always in one order."""
        return [(field.name, _text(value)) for field in self.fields() for value in self._values(field)]

    def narrowing(self) -> list[Pair]:
        """Return those parameters that narrow the list: neither a search nor an order."""
        return [pair for pair in self.query() if pair[0] not in ("q", "sort")]

    def without(self, name: str, value: str) -> Self:
        """Return the filter without one value."""
        return self.parse(pair for pair in self.query() if pair != (name, value)).filter

    def sorted_by(self, order: Order | None) -> Self:
        """Return the filter in another order."""
        return replace(self, order=order)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the whole list is asked for."""
        return any(name != "sort" for name, _value in self.query())

    def _values(self, field: Field) -> Iterator[Any]:
        if field.name.removesuffix(FROM) in self.PERIODS or field.name.removesuffix(TO) in self.PERIODS:
            days: Days = getattr(self, field.name.rpartition("_")[0])
            value = days.first if field.name.endswith(FROM) else days.last
        else:
            value = getattr(self, field.attribute)
        yield from value if isinstance(value, tuple) else () if value in (None, "", False) else (value,)


def _take(values: dict[str, Any], field: Field, text: str) -> Why | None:
    """Take one parameter among the values, or say why not."""
    value = field.read(text)
    if value is None or value == "":
        return field.why if field.name != "q" else None
    if not field.is_many:
        if values.get(field.attribute, value) != value:
            return Why.TWICE
        values[field.attribute] = value
        return None
    held: tuple[Any, ...] = values.get(field.attribute, ())
    if value not in held and len(held) >= MOST_VALUES:
        return Why.TOO_MANY
    values[field.attribute] = tuple(sorted({*held, value}, key=str))
    return None


def _period(values: dict[str, Any], name: str, faults: list[Fault]) -> Days:
    first, last = values.pop(name + FROM, None), values.pop(name + TO, None)
    if first is not None and last is not None and last < first:
        faults.append(Fault(name + TO, last.isoformat(), Why.BACKWARDS, begins=first.isoformat()))
        return ANY_DAY
    return Days(first, last)


def _search(text: str) -> str:
    """Return what is searched on one line; a NUL, which PostgreSQL refuses, is left out."""
    return " ".join(text.replace("\x00", "").split())[:LONGEST_SEARCH]


def _order(text: str, columns: frozenset[str]) -> Order | None:
    column = text.removeprefix("-")
    return Order(column, text.startswith("-")) if column in columns else None


def read_day(text: str) -> date | None:
    """Return the day of an address: year, month and day with hyphens, as a field for days sends it."""
    try:
        return date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        return None


def read_id(text: str) -> uuid.UUID | None:
    """Return the id, None for what is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def word_of(words: type[StrEnum]) -> Callable[[str], StrEnum | None]:
    """Return what reads one of those words."""
    return lambda text: words(text) if text in set(words) else None


def yes(text: str) -> bool | None:
    """Return True for « yes »: the only answer that narrows."""
    return True if text == "yes" else None


def _text(value: Any) -> str:
    if value is True:
        return "yes"
    return value.isoformat() if isinstance(value, date) else str(value)
