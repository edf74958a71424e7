"""Do code and database belong together: which migration the database is as, and which code it still admits.

`NEEDS` is the least migration that this code works with: whoever makes code rely on a newer one raises it.  A migration
that takes something away says which code can live without it (`least_code` in its file, migrations/env.py writes it
beside the number); older code then stops by itself, with a sentence.  The order of an upgrade: docs/upgrading.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

NEEDS: Final = "0074"
FOLDER: Final = Path(__file__).resolve().parent.parent / "migrations"
MARK: Final = "least code: "  # the comment on the table that holds the database's number
LOOK: Final = text(
    "SELECT to_regclass('alembic_version') IS NOT NULL AS is_made, pg_is_in_recovery() AS is_replica,"
    " current_setting('transaction_read_only') = 'on' AS is_read_only,"
    " obj_description(to_regclass('alembic_version'), 'pg_class') AS comment"
)


class Refused(Exception):
    """This code must not work on this database; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What a database says of itself."""

    revision: str  # its migration's number; empty: it has none yet
    least_code: str  # the newest migration that code must know; empty: any
    is_replica: bool
    is_read_only: bool  # every transaction, unless it asks for more


@cache
def known() -> str:
    """Return the number of the newest migration that this code brings."""
    return max(path.name[:4] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def look(session: Session) -> Schema:
    """Ask the database: two short statements."""
    found = session.execute(LOOK).one()
    revision = session.scalar(text("SELECT max(version_num) FROM alembic_version")) if found.is_made else None
    _, is_marked, least = (found.comment or "").partition(MARK)
    return Schema(
        revision=revision or "",
        least_code=least if is_marked else "",
        is_replica=found.is_replica,
        is_read_only=found.is_read_only,
    )


def mismatch(schema: Schema) -> str:
    """Return why this code and that schema do not belong together, and what to do; empty when they do.

    A schema that is newer than the code is no reason by itself: it is that of the next release, which is made so.
    """
    if schema.revision < NEEDS:
        stands = f"is as migration {schema.revision} left it" if schema.revision else "has no tables yet"
        return f"The database {stands}; this release needs {NEEDS} at least: run flask migrate."
    if schema.least_code > known():
        return (
            f"The database is as migration {schema.revision} left it, for releases that know {schema.least_code};"
            f" this one knows {known()}: start the newer release, or go back with its migrate --back-to {known()}."
        )
    return ""


def unwritable(schema: Schema) -> str:
    """Return why nothing can be written there, and what to do; empty when it can."""
    if schema.is_replica:
        return (
            "DATABASE_URL leads to a replica, which only reads: give the primary's address, or promote this server"
            " first (several hosts: add target_session_attrs=read-write)."
        )
    if schema.is_read_only:
        return (
            "DATABASE_URL leads to a database that only reads (default_transaction_read_only is on): give one that can"
            " be written, or switch this off."
        )
    return ""


def complaint(schema: Schema) -> str:
    """Return the first of all reasons not to work there; empty when there is none."""
    return unwritable(schema) or mismatch(schema)
