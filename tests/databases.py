"""One database a process of the run, emptied after each test: making a new one takes longer than most tests.

A test that changed the schema, or left much behind, gets its database thrown away instead.
"""

from __future__ import annotations

import os
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import event

from portal.extensions import Database

MOST_ROWS: Final = 2_000  # more dead ones would slow the tests that follow
MOST_TESTS: Final = 200
MOST_CONNECTIONS: Final = 12
KEPT: Final = {"alembic_version"}  # the only rows of a fresh database
# Every change of the schema is counted, one that is rolled back too: looking for it in the catalogs took longer than
# emptying the tables.
COUNTS_CHANGES: Final = """
    CREATE SCHEMA tests;
    CREATE SEQUENCE tests.changes;
    CREATE FUNCTION tests.note_change() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM nextval('tests.changes'); END $$;
    CREATE EVENT TRIGGER note_change ON ddl_command_end EXECUTE FUNCTION tests.note_change();
    ALTER EVENT TRIGGER note_change ENABLE ALWAYS;
"""
# All of it in one call, whose plans are kept one by one: what is done to the guarded tables after each test made
# PostgreSQL plan one question about all tables anew, which took as long as the rest of the cleaning.
EMPTIES: Final = """
    CREATE FUNCTION tests.empty() RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE deleted bigint; total bigint := 0;
    BEGIN {statements} RETURN total; END $$
"""
EMPTIES_ONE: Final = """
    IF EXISTS (SELECT FROM {table}) THEN
        {before}
        DELETE FROM {table};
        GET DIAGNOSTICS deleted = ROW_COUNT;
        total := total + deleted;
        {after}
    END IF;
"""
SHAPE: Final = """
    SELECT (SELECT last_value + is_called::int FROM tests.changes), (SELECT version_num FROM alembic_version),
           (SELECT count(*) FROM pg_db_role_setting)
"""
TABLES: Final[LiteralString] = """
    SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND NOT tablename = ANY(%s)
"""
OTHERS: Final[LiteralString] = """
    SELECT pid, state FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
GUARDED: Final = ("audit_entries", "audit_heads")  # their triggers refuse every deletion, even a replica's
GUARDS: Final[LiteralString] = """
    SELECT quote_ident(tgname) FROM pg_trigger
    WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled = 'A'
"""


def _prepare_all(connection: Any, _record: Any) -> None:
    """Have each statement prepared the second time, and kept: psycopg keeps a hundred, the tests have more."""
    connection.prepare_threshold = 1
    connection.prepared_max = 5_000


def address(server: str, database: str) -> str:
    """Return the address of a database of the server."""
    return server.replace("/postgres?", f"/{database}?")


class OwnDatabase:
    """The database `t<pid>`, a copy of `tpl`, and one engine on it, which remembers the statements it has compiled."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._name = f"t{os.getpid()}"
        self.url = address(server, self._name)
        self.engine = Database(self.url, compiled=100_000_000)  # a process of the run meets them all
        event.listen(self.engine.engine, "connect", _prepare_all)
        self._connection: psycopg.Connection[Any] | None = None

    def ready(self) -> None:
        """Make the database if there is none."""
        if self._connection is None:
            self._admin("CREATE DATABASE {} TEMPLATE tpl STRATEGY file_copy")
            self._connection = psycopg.connect(self.url, autocommit=True)
            self._connection.execute("SET session_replication_role = replica")  # no key and no trigger bars a deletion
            tables = [row[0] for row in self._connection.execute(TABLES, [list(KEPT)])]
            statements = "".join(self._emptying(table) for table in tables)
            self._connection.execute(EMPTIES.format(statements=statements).encode())
            self._shape = self._look()
            self._tests = 0

    def clean(self) -> None:
        """Take out what a test left: transactions that are still open, and every row; or the whole database."""
        assert self._connection is not None
        self._tests += 1
        try:
            others = self._connection.execute(OTHERS).fetchall()
            if len(others) > MOST_CONNECTIONS or any(state != "idle" for _pid, state in others):
                for pid, _state in others:
                    self._connection.execute("SELECT pg_terminate_backend(%s, 1000)", [pid])
                self.engine.dispose()
            whole = self._look() == self._shape
        except psycopg.Error:  # the test cut every connection, or took away a table
            whole = False
        if not whole or self._tests >= MOST_TESTS or not self._empty():
            self.drop()

    def drop(self) -> None:
        """Throw the database away; the next `ready` makes another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self.engine.dispose()
            self._admin("DROP DATABASE {} WITH (FORCE)")

    def _empty(self) -> bool:
        """Delete every row; say whether they were few."""
        assert self._connection is not None
        [(deleted,)] = self._connection.execute("SELECT tests.empty()").fetchall()
        self._shape = self._look()  # the guards went off and on
        return bool(deleted <= MOST_ROWS)

    def _emptying(self, table: str) -> str:
        """Return the statements that empty a table."""
        assert self._connection is not None
        before = after = ""
        if table.partition(".")[2] in GUARDED:
            guards = self._connection.execute(GUARDS, [table]).fetchall()  # its other triggers stay as they are
            before = "".join(f"ALTER TABLE {table} DISABLE TRIGGER {name};" for (name,) in guards)
            after = "".join(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};" for (name,) in guards)
        return EMPTIES_ONE.format(table=table, before=before, after=after)

    def _look(self) -> list[tuple[Any, ...]]:
        assert self._connection is not None
        return self._connection.execute(SHAPE).fetchall()

    def _admin(self, statement: LiteralString) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self._name)))
