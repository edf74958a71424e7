"""The subscriptions that rows of any kind name, read in one statement for all of them.

A statement that joins them in keeps a copy of every column of three tables, for as long as a process knows it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, inspect, select
from sqlalchemy.orm import Mapper, RelationshipProperty, Session, contains_eager
from sqlalchemy.orm.attributes import set_committed_value

from portal.models import Subscription


def give(
    session: Session, rows: Iterable[Any], *, also: Collection[uuid.UUID | None] = ()
) -> dict[uuid.UUID, Subscription]:
    """Give each row the subscriptions that it names, with their customers, products and plans, as its relations.

    Returns them by id, with those of `also`.  Whoever asks has read the rows for somebody: they say whose it is.
    """
    named = [(row, relation, of) for row in rows for relation, of in _named_by(row)]
    wanted = {of for _row, _relation, of in named} | set(also) - {None}
    found = {one.id: one for one in session.scalars(_whole(), {"ids": list(wanted)})} if wanted else {}
    for row, relation, of in named:
        set_committed_value(row, relation, found[of])
    return found


def _named_by(row: Any) -> Iterator[tuple[str, uuid.UUID]]:
    """Yield the relations of a row that lead to a subscription, each with its id."""
    for relation, column in _relations(inspect(type(row))):
        of = getattr(row, column)
        if of is None:
            set_committed_value(row, relation, None)
        else:
            yield relation, of


@cache
def _relations(mapper: Mapper[Any]) -> tuple[tuple[str, str], ...]:
    """Return the names of a model's relations to a subscription, each with its column's."""
    return tuple((one.key, mapper.get_property_by_column(_column(one)).key) for one in mapper.relationships if _is(one))


def _is(relation: RelationshipProperty[Any]) -> bool:
    return relation.mapper.class_ is Subscription and not relation.uselist


def _column(relation: RelationshipProperty[Any]) -> Any:
    (column,) = relation.local_columns
    return column


@cache
def _whole() -> Select[Subscription]:
    return (
        select(Subscription)
        .join(Subscription.customer)
        .join(Subscription.product)
        .outerjoin(Subscription.plan)
        .options(*(contains_eager(part) for part in (Subscription.customer, Subscription.product, Subscription.plan)))
        .where(Subscription.id.in_(bindparam("ids", expanding=True)))
    )
