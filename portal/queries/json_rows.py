"""Rows that come inside another row, as JSON: one statement then reads what hangs on each of its rows, plain.

A row is an array in the order of its dataclass, without names: half as long to write, to send and to read.
PostgreSQL writes moments, ids and enums as texts; the columns' own types say what they are made again.  An amount
travels as text, since a JSON number would lose its decimals.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import JSON, ColumnElement, Date, Enum, Numeric, Text, Uuid, cast, func, inspect
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from portal.extensions import UtcDateTime
from portal.models import Base

T = TypeVar("T")
Document = list[Any]


def moment_of(text: str) -> datetime:
    """Return a moment from the text that PostgreSQL writes in JSON."""
    return datetime.fromisoformat(text).astimezone(UTC)


MAKERS: Final[tuple[tuple[type[TypeEngine[Any]], Callable[[str], Any]], ...]] = (
    (UtcDateTime, moment_of),
    (Date, date.fromisoformat),
    (Uuid, uuid.UUID),
    (Numeric, Decimal),
)


class JsonRow(Generic[T]):
    """Those columns of a table that a plain dataclass names, as one JSON array, and back.

    The last fields of the dataclass may be no columns: they are nested, given to `column` as statements and to
    `made_of` as what they became.
    """

    def __init__(self, plain: type[T], mapped: type[Base]) -> None:
        """Take the names from the dataclass, and the types from the mapped class, which may be an alias."""
        columns = inspect(mapped).mapper.columns
        names = [field.name for field in fields(plain) if field.name in columns]  # type: ignore[arg-type]
        self._plain = plain
        self._columns = [_written(getattr(mapped, name)) for name in names]
        makers = ((place, _maker(columns[name].type)) for place, name in enumerate(names))
        self._makers = tuple((place, maker) for place, maker in makers if maker is not None)

    def column(self, *nested: Any) -> ColumnElement[Any]:
        """Return the JSON array of a row of the table."""
        return json_list(*self._columns, *nested)

    def made_of(self, document: Document, *nested: Any) -> T:
        """Return the dataclass of what the database wrote, with `nested` in place of what follows its columns."""
        for place, maker in self._makers:
            value = document[place]
            if value is not None:
                document[place] = maker(value)
        return self._plain(*(document[: len(self._columns)] if nested else document), *nested)


def json_list(*values: Any) -> ColumnElement[Any]:
    """Return one JSON array of several columns or statements."""
    return func.json_build_array(*values, type_=JSON)


def json_all(document: ColumnElement[Any], *order: Any) -> ColumnElement[Any]:
    """Return one JSON array of all rows, in that order; NULL of none. Its name is short, as statements are to be."""
    return func.json_agg(aggregate_order_by(document, *order), type_=JSON).label("j")


def _maker(kind: TypeEngine[Any]) -> Callable[[str], Any] | None:
    if isinstance(kind, Enum):
        return kind.enum_class
    return next((maker for type_, maker in MAKERS if isinstance(kind, type_)), None)


def _written(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    return cast(column, Text) if isinstance(column.type, Numeric) else column.expression
