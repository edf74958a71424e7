"""Pages of lists by their keys: no OFFSET, no count.

A page is asked for by the id of the row before or after it, so that no name or address stands in a link.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, select, tuple_
from sqlalchemy.orm import Session

PAGE: Final = 50


class Full(Enum):
    """A key that no row lacks."""

    FULL = auto()


FULL: Final = Full.FULL


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One page of a list. `next_id` and `previous_id` name the row to go on from, None at an end.

    Of a search `is_cut` says that it finds more than is shown.
    """

    rows: Sequence[Row[Any]]
    next_id: uuid.UUID | None = None
    previous_id: uuid.UUID | None = None
    is_cut: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing beyond this page."""
        return self.next_id is None and self.previous_id is None and not self.is_cut


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a list: after a row, before a row, or (neither) at the beginning."""

    after: uuid.UUID | None = None
    before: uuid.UUID | None = None


BEGINNING: Final = Place()


def keyset_page(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    keys: tuple[Any, ...],
    scope: ColumnElement[bool],
    *,
    place: Place,
    size: int,
    descending: bool,
    empty: str | Full | None = FULL,
    among: Select[uuid.UUID] | None = None,
    at_end: bool = False,
) -> Slice:
    """Read one page by its keys, of which the last is the id; one row more than shown tells whether there is another.

    Where nothing stands beyond the place any more, it is the last page, or (before it) the first.
    `empty`: what stands in the first key of rows that lack it. They come last, whichever way the list is sorted.
    `among`: the ids to choose from, where the statement reads other tables too: these are looked up for the page alone.
    `at_end`: the last page, whatever the place.
    """
    backwards = place.before is not None and place.after is None
    anchor_id = None if at_end else place.before if backwards else place.after
    anchor = _anchor(session, keys, scope, anchor_id)
    if anchor is None:
        anchor_id, backwards = None, at_end
    rising = descending == backwards
    parts, was_placed = _parts(keys, empty), anchor is not None
    if backwards:
        parts.reverse()
    if anchor is not None and len(parts) > 1 and (anchor[0] == empty) is not parts[0].is_lacking:
        del parts[0]
    found: list[Row[Any]] = []
    for part in parts:
        chosen = part.of(among if among is not None else statement, anchor, rising=rising, most=size + 1 - len(found))
        if among is not None:
            chosen = part.ordered(statement.where(keys[-1].in_(select(chosen.subquery()))), rising=rising)
        found += session.execute(chosen).all()
        anchor = None
        if len(found) > size:
            break
    more, rows = len(found) > size, found[:size]
    if backwards:
        rows = rows[::-1]
    if not rows and was_placed:  # what stood beyond it has left this list meanwhile
        return keyset_page(
            session,
            statement,
            keys,
            scope,
            place=BEGINNING,
            size=size,
            descending=descending,
            empty=empty,
            among=among,
            at_end=not backwards,
        )
    if not rows:
        return Slice(rows=rows)
    goes_on = not at_end if backwards else more
    return Slice(
        rows=rows,
        next_id=rows[-1].id if goes_on else None,
        previous_id=rows[0].id if (more if backwards else anchor_id is not None) else None,
    )


def _anchor(
    session: Session,
    keys: tuple[Any, ...],
    scope: ColumnElement[bool],
    anchor_id: uuid.UUID | None,
) -> tuple[Any, ...] | None:
    if anchor_id is None:
        return None
    found = session.execute(select(*keys).where(keys[-1] == anchor_id, scope)).one_or_none()
    return tuple(found) if found is not None else None


@dataclass(frozen=True)
class _Part:
    """Rows of a list that have its first key, or those that lack it: these are sorted by their ids alone."""

    keys: tuple[Any, ...]
    which: ColumnElement[bool] | None = None
    is_lacking: bool = False

    def of(
        self, statement: Select[*tuple[Any, ...]], anchor: tuple[Any, ...] | None, *, rising: bool, most: int
    ) -> Select[*tuple[Any, ...]]:
        """Return the part in its order, from beyond the anchor on, `most` at most."""
        # Beyond an anchor that has the key, upwards, all have it: said twice, an index begins at the first of them all.
        is_said = anchor is not None and rising and not self.is_lacking
        if self.which is not None and not is_said:
            statement = statement.where(self.which)
        if anchor is not None:
            keys = self._sorted_by()
            there = anchor[1:] if self.is_lacking else anchor
            beyond = tuple_(*keys) > tuple_(*there) if rising else tuple_(*keys) < tuple_(*there)
            # Said of the first key alone too: where it is of another table, an index of that one can begin there.
            statement = statement.where(beyond, keys[0] >= there[0] if rising else keys[0] <= there[0])
        return self.ordered(statement, rising=rising).limit(most)

    def ordered(self, statement: Select[*tuple[Any, ...]], *, rising: bool) -> Select[*tuple[Any, ...]]:
        """Return a statement in the part's order."""
        return statement.order_by(*(key.asc() if rising else key.desc() for key in self._sorted_by()))

    def _sorted_by(self) -> tuple[Any, ...]:
        return self.keys[1:] if self.is_lacking else self.keys


def _parts(keys: tuple[Any, ...], empty: str | Full | None) -> list[_Part]:
    if isinstance(empty, Full):
        return [_Part(keys)]
    # Behind an empty text, not « another than »: an index begins there, and does not go through all that lack it.
    has = keys[0].is_not(None) if empty is None else keys[0] > empty
    return [_Part(keys, has), _Part(keys, is_lacking(keys[0], empty), is_lacking=True)]


def is_lacking(key: Any, empty: str | None) -> ColumnElement[bool]:
    """Return whether a row lacks a key."""
    lacking: ColumnElement[bool] = key.is_(None) if empty is None else key == empty
    return lacking
