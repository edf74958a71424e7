"""Work on many rows, each in a transaction of its own: one that fails stops nobody behind it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

import structlog
from sqlalchemy import ColumnElement, delete, inspect, tuple_
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal.extensions import Database
from portal.logs import place_of
from portal.queries.operating import old_rows

log = structlog.get_logger(__name__)

BATCH: Final = 200  # rows that are found at once
DELETED_AT_ONCE: Final = 1_000


class Unfinished(Exception):
    """Something failed, named in the log; everything else was done. The next run tries it again."""


class _HasId(Protocol):
    @property
    def id(self) -> uuid.UUID: ...


Key = TypeVar("Key", bound=_HasId)
KeyFound = TypeVar("KeyFound", bound=_HasId, covariant=True)


class Find(Protocol[KeyFound]):
    """Finds the next rows by their id, after one of them."""

    def __call__(self, session: Session, *, after: uuid.UUID | None, limit: int) -> Sequence[KeyFound]: ...


def delete_all(db: Database, row: type[Any], *over: ColumnElement[bool]) -> int:
    """Delete every row for which `over` holds, a transaction for each `DELETED_AT_ONCE`; return how many.

    One that somebody holds is left to the next time.
    """
    key = inspect(row).primary_key
    found = old_rows.some(row, *over, limit=DELETED_AT_ONCE)
    statement = delete(row).where(tuple_(*key).in_(found)).execution_options(synchronize_session=False)
    number = 0
    while True:
        with db.begin() as session:
            count = session.connection().execute(statement).rowcount
        number += count
        if count < DELETED_AT_ONCE:
            return number


def each(db: Database, find: Find[Key], act: Callable[[Session, Key], None], *, event: str) -> None:
    """Act on all that `find` finds, each in a transaction of its own, batch by batch until the last.

    The database's own failures end it at once; any other is the row's, logged as `event`, and the next row follows.
    Raises Unfinished at the end when there was one.
    """
    last, failed = None, 0
    while True:
        with db.read() as session:
            keys = find(session, after=last, limit=BATCH)
        for key in keys:
            try:
                with db.begin() as session:
                    act(session, key)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                failed += 1
                log.error(event, row_id=str(key.id), error=type(error).__name__, place=place_of(error))
        if len(keys) < BATCH:
            break
        last = keys[-1].id
    if failed:
        raise Unfinished(f"{failed} rows")
