"""For migrations: changes of large tables that are in use, so that nobody waits for longer than a moment.

Each waits `PATIENCE` at most for what others hold, then lets everybody pass and tries again.  Each works outside the
migration's transaction, which it commits; all of them may be run again: a migration that was killed half way goes on
when it is run anew.  What is allowed otherwise, tests/migrations/test_gentle.py says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import structlog
from alembic import op
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Column, Connection, TextClause, text
from sqlalchemy.exc import OperationalError

log = structlog.get_logger("portal.migrating")

PATIENCE: Final = (
    800  # milliseconds: whoever comes meanwhile queues behind us; a page has three seconds (extensions.WEB)
)
TRIES: Final = 120
REST: Final = 2.0  # seconds between two tries: those who queued behind us are through by then
BATCH: Final = 1_000  # rows of one transaction


def is_busy(error: OperationalError) -> bool:
    """Say whether somebody holds what was asked for: it may be free in a moment."""
    return isinstance(error.orig, LockNotAvailable | DeadlockDetected)


def column(table: str, what: Column[Any]) -> None:
    """Add a column, unless it is there: without a default, or with one that is a constant."""
    with _by_itself():
        _patiently(lambda: op.add_column(table, what, if_not_exists=True))


def index(
    name: str,
    table: str,
    columns: Sequence[Any],
    *,
    unique: bool = False,
    where: str | None = None,
    using: str | None = None,
) -> None:
    """Make an index while the table is read and written; what a killed try left is dropped first.

    A unique one fails on doubles, and leaves something that the next try drops.
    """
    with _by_itself() as connection:
        if _is_valid_index(connection, name):
            return
        with _unhurried(connection):  # it waits for whoever is inside, and lets everybody else pass
            op.drop_index(name, table_name=table, postgresql_concurrently=True, if_exists=True)
            more: dict[str, Any] = {"postgresql_where": text(where)} if where else {}
            more |= {"postgresql_using": using} if using else {}
            op.create_index(name, table, columns, unique=unique, postgresql_concurrently=True, **more)


def drop_index(name: str, table: str) -> None:
    """Drop an index, if it is there, while the table is in use."""
    with _by_itself() as connection, _unhurried(connection):
        op.drop_index(name, table_name=table, postgresql_concurrently=True, if_exists=True)


def check(name: str, table: str, condition: str) -> None:
    """Add a CHECK: for new rows at once, then the old ones are looked at while the table is in use."""
    _constraint(name, table, f"CHECK ({condition})")


def foreign_key(
    name: str, table: str, columns: Sequence[str], target: str, targets: Sequence[str], *, ondelete: str = "NO ACTION"
) -> None:
    """Add a foreign key in the same two steps."""
    definition = f"FOREIGN KEY ({', '.join(columns)}) REFERENCES {target} ({', '.join(targets)}) ON DELETE {ondelete}"
    _constraint(name, table, definition)


def not_null(table: str, name: str) -> None:
    """Have a column hold something in every row: proved by a CHECK, which the server then takes for the whole look."""
    proof = f"{table}_{name}_is_there"[:63]
    _constraint(proof, table, f"CHECK ({name} IS NOT NULL)")
    with _by_itself():
        both = f"ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL, DROP CONSTRAINT {proof}"
        _patiently(lambda: op.execute(both))


def in_batches(table: str, values: str, where: str, *, key: str = "id", size: int = BATCH, rest: float = 0.0) -> int:
    """UPDATE `table` SET `values` WHERE `where`, row by row of its key, a transaction a batch; return how many changed.

    `where` must leave out what is done: a second run then writes nothing twice. `rest`: seconds after each batch.
    """
    statement = text(
        f"WITH batch AS (SELECT {key} FROM {table} WHERE CAST(:after AS text) IS NULL OR {key} > CAST(:after AS "  # noqa: S608
        f"{_type_of(table, key)}) ORDER BY {key} LIMIT :size),"
        f" done AS (UPDATE {table} SET {values} FROM batch WHERE {table}.{key} = batch.{key} AND ({where}) RETURNING 1)"
        f" SELECT (SELECT {key}::text FROM batch ORDER BY {key} DESC LIMIT 1), (SELECT count(*) FROM done)"
    )
    after, changed = None, 0
    with _by_itself() as connection:
        while True:
            given = {"after": after, "size": size}
            last, count = _patiently(partial(_one, connection, statement, given))
            changed += int(count)
            if last is None:
                return changed
            after = last
            time.sleep(rest)


def _one(connection: Connection, statement: TextClause, given: dict[str, Any]) -> Any:
    return connection.execute(statement, given).one()


@contextmanager
def _by_itself() -> Iterator[Connection]:
    """Let every statement be a transaction; what the migration has done before is committed."""
    with op.get_context().autocommit_block():
        yield op.get_bind()


def _patiently(do: Callable[[], Any]) -> Any:
    """Do it; where somebody holds the table or a row, give way and try again, for some minutes."""
    for left in reversed(range(TRIES)):
        try:
            return do()
        except OperationalError as error:
            if not is_busy(error) or not left:
                raise
            log.info("migration_gives_way", tries_left=left)
            time.sleep(REST)
    raise AssertionError("unreachable")


@contextmanager
def _unhurried(connection: Connection) -> Iterator[None]:
    """Wait without limit: only for what keeps nobody waiting behind it."""
    before = connection.scalar(text("SELECT current_setting('lock_timeout')"))
    connection.execute(text("SET lock_timeout = 0"))
    try:
        yield
    finally:
        connection.execute(text("SELECT set_config('lock_timeout', :before, false)"), {"before": before})


def _is_valid_index(connection: Connection, name: str) -> bool:
    valid = text("SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass(:name)")
    return bool(connection.scalar(valid, {"name": name}))


def _constraint(name: str, table: str, definition: str) -> None:
    look = text("SELECT convalidated FROM pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)")
    with _by_itself() as connection:
        is_valid = connection.scalar(look, {"name": name, "table": table})
        if is_valid is None:
            add = f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID"
            _patiently(lambda: op.execute(add))
        if not is_valid:
            with _unhurried(connection):
                op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def _type_of(table: str, key: str) -> str:
    asked = text(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = to_regclass(:table) AND attname = :key"
    )
    return str(op.get_bind().scalar(asked, {"table": table, "key": key}))
