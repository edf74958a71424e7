"""Web processes and the schema: refused at start where they do not belong together, told by /healthz afterwards."""

from __future__ import annotations

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal import releases

log = structlog.get_logger("portal.web")


def refuses(app: Flask) -> bool:
    """Say whether this code must not work on its database, and log why.

    A database that is away, or only reads, is no reason not to start: it may be about to take over from another one.
    """
    try:
        with app.extensions["portal"].db.read() as session:
            found = releases.look(session)
    except SQLAlchemyError:
        return False  # warming says so
    if why := releases.unwritable(found):
        log.error("database_only_reads", why=why)
    why = releases.mismatch(found)
    if why:
        log.error("schema_of_another_release", why=why)
    return bool(why)


def word(session: Session) -> str:
    """Return `ok`, `old` (flask migrate was not run), or `new` (this release is too old for it)."""
    found = releases.look(session)
    if not releases.mismatch(found):
        return "ok"
    return "old" if found.revision < releases.NEEDS else "new"
