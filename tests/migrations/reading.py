"""Reads what a migration sends, statement by statement, and says what would keep a busy release waiting.

The statements are those of a real run on an empty database; which tables were there before, and which of them an ALTER
writes anew, the database tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, event

LONGEST: Final = 1000  # milliseconds that a statement may wait for a lock: whoever comes meanwhile waits behind it

TABLE: Final = r"(?:only\s+)?(?:\"?public\"?\.)?\"?(?P<table>[a-z_][a-z0-9_]*)\"?"
INDEX: Final = re.compile(rf"^create\s+(?:unique\s+)?index\s+(?P<how>concurrently\s+)?.*?\son\s+{TABLE}", re.S)
DROP_INDEX: Final = re.compile(r"^drop\s+index\s+(?P<how>concurrently\s+)?", re.S)
ALTER: Final = re.compile(rf"^alter\s+table\s+(?:if\s+exists\s+)?{TABLE}\s+(?P<what>.*)$", re.S)
CREATE: Final = re.compile(rf"^create\s+table\s+(?:if\s+not\s+exists\s+)?{TABLE}", re.S)
DROP: Final = re.compile(rf"^drop\s+table\s+(?:if\s+exists\s+)?{TABLE}", re.S)
WRITE: Final = re.compile(rf"\b(?:update|delete\s+from|insert\s+into)\s+{TABLE}", re.S)
HEAVY: Final = re.compile(r"^(?:lock\s|cluster|vacuum\s*\(?\s*full|reindex(?!.*\bconcurrently\b)|truncate)")
CONSTANT: Final = re.compile(
    r"\bdefault\s+\(?(?:'(?:[^']|'')*'|-?\d+(?:\.\d+)?|(?:true|false|null|current_timestamp)\b|now\(\))"
)
KEY: Final = re.compile(r"\badd\s+(?:constraint\s+\S+\s+)?(?:unique|primary\s+key|exclude)\b")
RULE: Final = re.compile(r"\badd\s+(?:constraint\s+\S+\s+)?(?:check|foreign\s+key)\b")
LOSS: Final = re.compile(r"\bdrop\s+(?!constraint|not\s+null|default|expression|identity)[a-z_]+|\brename\b")
COLUMN: Final = re.compile(r"\badd\s+(?:column\s+)?(?!constraint|check|foreign|unique|primary|exclude)")


@dataclass
class Statement:
    """One statement as it was sent: in which transaction (by number), and how long it might have waited for a lock."""

    sql: str
    transaction: int
    lock_timeout: int  # milliseconds, 0: for ever


@dataclass
class Run:
    """What one migration did: `before` are the tables that there were, `rewritten` those that were written anew."""

    before: frozenset[str]
    statements: list[Statement] = field(default_factory=list)
    rewritten: list[str] = field(default_factory=list)
    least_code: str = ""


@contextmanager
def watching(url: str, *, least_code: str = "") -> Iterator[Run]:
    """Note what every connection of this process sends to that database, and which tables it writes anew."""
    with psycopg.connect(url, autocommit=True) as looking:
        looking.execute(REWRITES)
        tables = looking.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        run = Run(before=frozenset(name for (name,) in tables), least_code=least_code)
        number = [0]

        def note(_connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
            if cursor.connection.autocommit:
                number[0] += 1
            with cursor.connection.cursor() as other:
                (waits,) = other.execute("SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'").fetchone()
            run.statements.append(Statement(" ".join(statement.split()), number[0], waits))

        def end(_connection: Any) -> None:
            number[0] += 1

        names = (("before_cursor_execute", note), ("commit", end), ("rollback", end))
        for name, listener in names:
            event.listen(Engine, name, listener)
        try:
            yield run
        finally:
            for name, listener in names:
                event.remove(Engine, name, listener)
            run.rewritten = [name for (name,) in looking.execute("SELECT name FROM tests_rewritten").fetchall()]
            looking.execute(
                "DROP EVENT TRIGGER tests_rewrites; DROP TABLE tests_rewritten; DROP FUNCTION tests_rewrites"
            )


REWRITES: Final = """
    CREATE TABLE tests_rewritten (name text);
    CREATE FUNCTION tests_rewrites() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO tests_rewritten VALUES (pg_event_trigger_table_rewrite_oid()::regclass::text); END $$;
    CREATE EVENT TRIGGER tests_rewrites ON table_rewrite EXECUTE FUNCTION tests_rewrites();
"""


def complaints(run: Run) -> list[str]:
    """Return what a busy release would wait for, or not survive; a line each, nothing when there is nothing."""
    found = [f"{name} is written anew while it is locked" for name in run.rewritten if name in run.before]
    looked_at: set[str] = set()  # tables with a constraint that was validated: SET NOT NULL may rest on one
    held: dict[int, set[str]] = {}  # what each transaction has changed, and holds to its end
    for statement in run.statements:
        sql = statement.sql.lower()
        if sql.startswith(("select", "set ", "show", "comment")):
            continue
        table, said = _about(sql, run, looked_at)
        found += [f"{why}: {statement.sql[:120]}" for why in said]
        if table in run.before and "concurrently" not in sql:
            found += _waits(statement, table, held)
            held.setdefault(statement.transaction, set()).add(table)
    return found


def _about(sql: str, run: Run, looked_at: set[str]) -> tuple[str, list[str]]:
    """Return which table a statement changes, and what is wrong with it."""
    if HEAVY.match(sql):
        return "", ["locks a table for long"]
    if made := INDEX.match(sql):
        is_old = made["table"] in run.before
        return made["table"], ["an index without CONCURRENTLY"] if is_old and not made["how"] else []
    if gone := DROP_INDEX.match(sql):
        return "", [] if gone["how"] else ["an index goes without CONCURRENTLY"]
    if altered := ALTER.match(sql):
        table = altered["table"]
        return table, list(_altered(table, altered["what"], run, looked_at)) if table in run.before else []
    if dropped := DROP.match(sql):
        return dropped["table"], [] if run.least_code or dropped["table"] not in run.before else [GONE]
    written = {each["table"] for each in WRITE.finditer(sql)} & run.before - {"alembic_version"}
    if written and not CREATE.match(sql) and not sql.startswith(("create ", "do ")) and " limit " not in sql:
        return min(written), ["many rows in one statement: gently.in_batches"]
    return "", []


GONE: Final = "takes away what the release before reads: name the code that lives without it (least_code)"


def _altered(table: str, what: str, run: Run, looked_at: set[str]) -> Iterator[str]:
    if "validate constraint" in what:
        looked_at.add(table)
    if RULE.search(what) and "not valid" not in what:
        yield "a constraint without NOT VALID"
    if KEY.search(what) and "using index" not in what:
        yield "a key whose index is made under a lock: make it CONCURRENTLY, then USING INDEX"
    if "set not null" in what and table not in looked_at:
        yield "SET NOT NULL reads the whole table: gently.not_null"
    if LOSS.search(what) and not run.least_code:
        yield GONE
    if COLUMN.search(what):
        yield from _added(what)


def _added(what: str) -> Iterator[str]:
    if "default" not in what and "not null" in what:
        yield "a column that must be filled, and older code does not: give a server_default"
    if re.search(r"\bdefault\b", what) and not CONSTANT.search(what):
        yield "a default that is not a constant"
    if re.search(r"\b(?:references|unique|primary\s+key|check)\b", what):
        yield "a column with a constraint of its own: gently.check or foreign_key after it"
    if re.search(r"\b(?:serial|bigserial|generated)\b", what):
        yield "a column that is computed for each row"


def _waits(statement: Statement, table: str, held: dict[int, set[str]]) -> Iterator[str]:
    is_validation = "validate constraint" in statement.sql.lower()
    if not is_validation and not 0 < statement.lock_timeout <= LONGEST:
        yield f"waits {statement.lock_timeout} ms for its lock: {statement.sql[:80]}"
    others = held.get(statement.transaction, set())
    if is_validation and table in others:
        yield f"looks at every row under the lock of a statement before it: {statement.sql[:80]}"
    if others - {table}:
        yield f"locks {table} while it holds {', '.join(sorted(others))}: a transaction each"
