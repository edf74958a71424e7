"""Bring a database to the newest schema, or back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, MetaData, create_engine, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from portal import gently, releases
from portal.domain.merchants.merchants import RESERVED
from portal.postgres import connecting
from portal.releases import FOLDER, Refused

AUDIT_CHAIN: Final = "0004"  # the migration that makes the tables of the audit chain


def alembic_config(url: str) -> AlembicConfig:
    """Return Alembic's settings for the database at `url`."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connecting"] = connecting(url)
    return config


def standing(url: str) -> tuple[str, str]:
    """Return the migration that the database stands at (empty: none), and the newest that this release knows."""
    with _connection(url) as connection:
        there = MigrationContext.configure(connection).get_current_revision()
    return there or "", ScriptDirectory.from_config(alembic_config(url)).get_current_head() or ""


def upgrade(url: str, revision: str = "head") -> None:
    """Run every migration up to `revision`; run again, it goes on where it was stopped.

    Where somebody holds a table it gives way and tries again, for some minutes.  Raises Refused where nothing can be
    written, or the database is newer than this code.
    """
    _refuse(url)
    _giving_way(lambda: command.upgrade(alembic_config(url), revision))


def _refuse(url: str) -> None:
    with _connection(url) as connection, Session(connection) as session:
        found = releases.look(session)
    why = releases.unwritable(found)
    if not why and found.revision > releases.known():
        why = (
            f"The database is as migration {found.revision} left it, which this release does not know: run migrate of"
            f" the newer release, or go back with its migrate --back-to {releases.known()}."
        )
    if why:
        raise Refused(why)


def _giving_way(do: Callable[[], None]) -> None:
    for left in reversed(range(gently.TRIES)):
        try:
            return do()
        except OperationalError as error:
            if not gently.is_busy(error):
                raise
            if not left:
                raise Refused(
                    "Somebody holds a table for too long (pg_stat_activity shows who). Nothing is half done: run"
                    " flask migrate again."
                ) from error
            time.sleep(gently.REST)
    return None


class ChainWouldBeLost(Exception):
    """Going back so far drops an audit chain that has rows, and nobody said that it may."""


def downgrade(url: str, revision: str, *, drop_audit_chain: bool = False) -> None:
    """Run migrations back to `revision` (`base` for none); raise ChainWouldBeLost rather than drop the chain.

    Raises Refused as `upgrade` does.
    """
    if not drop_audit_chain and _is_below_chain(url, revision):
        with _connection(url) as connection:
            if inspect(connection).has_table("audit_entries"):
                rows = connection.scalar(text("SELECT count(*) FROM audit_entries"))
                if rows:
                    raise ChainWouldBeLost(f"{rows} rows of the audit chain would be dropped")
    _refuse(url)
    _giving_way(lambda: command.downgrade(alembic_config(url), revision))


def _is_below_chain(url: str, revision: str) -> bool:
    """Return whether the chain's own migration is undone on the way to `revision`."""
    scripts = ScriptDirectory.from_config(alembic_config(url))
    kept = {script.revision for script in scripts.iterate_revisions(revision, "base")} if revision != "base" else set()
    return AUDIT_CHAIN not in kept


def taken_names(url: str) -> list[str]:
    """Return the names of merchants that are the portal's own by now: their public pages would be out of reach.

    A merchant that is gone keeps its name; nobody opens its pages.
    """
    with _connection(url) as connection:
        rows = connection.execute(text("SELECT slug FROM merchants WHERE closed_at IS NULL ORDER BY slug"))
        return [slug for (slug,) in rows if slug in RESERVED]


def differences(url: str, expected: MetaData) -> list[str]:
    """Return in what the database differs from what the code expects: tables, columns, indexes, constraints by name."""
    with _connection(url) as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": lambda _thing, name, *_rest: _is_ours(str(name))}
        )
        found = [_said(one) for one in compare_metadata(context, expected)]
        return found + _checks(connection, expected)


def _said(change: Any) -> str:
    """Return one of the library's findings in a line: what should be done, and to what."""
    if isinstance(change, list):  # several of one column
        return "; ".join(_said(one) for one in change)
    return " ".join(str(getattr(one, "name", None) or one) for one in change if one is not None)


def _checks(connection: Connection, expected: MetaData) -> list[str]:
    """Compare the names of CHECK constraints, which the library leaves out."""
    listed = connection.execute(
        text("SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0")
    )
    there = {f"{table}.{name}" for table, name in listed if _is_ours(table)}
    wanted = {
        f"{table.name}.{constraint.name}"
        for table in expected.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    return [f"check missing: {name}" for name in sorted(wanted - there)] + [
        f"check unknown: {name}" for name in sorted(there - wanted)
    ]


def _is_ours(name: str) -> bool:
    return not name.startswith("procrastinate_")


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = create_engine("postgresql+psycopg://", connect_args=connecting(url), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
