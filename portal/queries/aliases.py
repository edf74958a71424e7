"""Aliases that are kept: ready before there are threads, and shared by every statement that joins in the same."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Select, inspect
from sqlalchemy.orm import aliased, contains_eager
from sqlalchemy.orm.strategy_options import _AbstractLoad

from portal.models import Base

T = TypeVar("T", bound=Base)
S = TypeVar("S", bound=Select[*tuple[Any, ...]])


def kept_alias(mapped: type[T], name: str | None = None) -> type[T]:
    """Return an alias for many statements, with all its columns and relations made.

    SQLAlchemy makes them as they are asked for.  Two threads that ask at the same moment may be given a column of the
    table itself, which the alias then keeps: every statement of it reads, for as long as the process lives, a product
    of two tables.
    """
    made = aliased(mapped, name=name)
    mapper = inspect(mapped).mapper
    for attribute in mapper.column_attrs:
        _ = getattr(made, attribute.key).expression
    for relation in mapper.relationships:
        getattr(made, relation.key)
    return made


def joined(statement: S, *paths: tuple[Any, ...], together: bool = False) -> S:
    """Load, with the rows of a statement, what paths of relations lead to; a list by a statement of its own.

    `together`: a list comes with its row, for a statement that reads a single one.  SQLAlchemy's `joinedload` makes
    its aliases anew, a copy of every column, for each statement, and a process keeps them with it.
    """
    met: set[tuple[str, ...]] = set()
    for path in paths:
        statement = _along(statement, path, met, together=together)
    return statement


def with_list(statement: S, *path: Any) -> S:
    """Load also, by a statement of its own, the list at the end of a path whose other steps are `joined`."""
    names = [step.key for step in path]
    return _along(statement, path, {tuple(names[:many]) for many in range(1, len(names))}, together=False)


def _along(statement: S, path: tuple[Any, ...], met: set[tuple[str, ...]], *, together: bool) -> S:
    """Join in each step of a path that no path before it took, and load what it leads to."""
    start: Any = path[0].class_
    names: tuple[str, ...] = ()
    option: Any = None
    for step in path:
        relation, names = getattr(start, step.key), (*names, step.key)
        if step.property.uselist:
            option = _listed(option, relation, together=together)
            continue
        start = _alias(step.property.mapper.class_, names)
        relation = relation.of_type(start)
        if names not in met:
            statement = statement.outerjoin(relation)
            met.add(names)
        option = option.contains_eager(relation) if option is not None else contains_eager(relation)
    return statement.options(option)


def _listed(option: Any, relation: Any, *, together: bool) -> _AbstractLoad:
    """Load the list at the end of a path."""
    loaded: _AbstractLoad = option.joinedload(relation) if together else option.selectinload(relation)
    return loaded


@cache
def _alias(model: type[Any], names: tuple[str, ...]) -> Any:
    """Return the alias of what a path leads to, wherever the path begins."""
    return kept_alias(model, "_".join(("of", *names)))
