"""Aliases that a module keeps, ready before there are threads."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import inspect
from sqlalchemy.orm import aliased

from portal.models import Base

T = TypeVar("T", bound=Base)


def kept_alias(mapped: type[T], name: str | None = None) -> type[T]:
    """Return an alias for many statements, with all its columns made.

    SQLAlchemy makes them as they are asked for.  Two threads that ask at the same moment may be given a column of the
    table itself, which the alias then keeps: every statement of it reads, for as long as the process lives, a product
    of two tables.
    """
    made = aliased(mapped, name=name)
    for attribute in inspect(mapped).mapper.column_attrs:
        _ = getattr(made, attribute.key).expression
    return made
