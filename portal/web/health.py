"""Is the portal well: its database, that it can be written, a worker alive of late, and this machine's clock."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final

import structlog
from flask import Response, current_app, jsonify, request
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal import clock
from portal.clock import utc_now
from portal.queries.operating import health as queries
from portal.queries.operating import journal as journal_queries
from portal.services import health
from portal.version import VERSION
from portal.web import identity, metrics, schemas
from portal.web.errors import AWAY, BUSY

log = structlog.get_logger("portal.web")

OF_SCHEMA = {"old": "older than this release needs: run flask migrate", "new": "newer than this release may work on"}
BEHIND: Final = timedelta(minutes=3)  # the sweep writes each minute what nobody else has
WRITES_EVERY = 5  # seconds of one process: everybody may ask


def answer() -> Response:
    """Return `{"status", "database", "schema", "worker", "wakeups", "clock", …}`: 200 when all are well, else 503.

    `database` is `ok`, `away`, or `unwritable`: it only reads, or its disk is full.
    `schema` is `ok`, `old` (it needs `flask migrate`), `new` (this release is too old for it), or `unknown`.
    `clock` is `ok`, or `off` when this machine's differs from the database's by more than a minute.
    `worker` is `ok`, `silent` (its last sign of life is too old), `missing` (none was started), or `unknown`.
    `forwarded` is how many addresses X-Forwarded-For had: one from each proxy that tells who asks.
    `wakeups` is `ok`, `polled` (a worker's LISTEN is lost on the way, it looks for jobs each second), or `unknown`.
    `journal` is `ok`, `off` (nothing is kept outside the database), `unwritable`, `unreadable`, `behind` (something
    waits for its place for longer than a few minutes), or `restored`: the database is, and waits for `flask recover`.
    `legal_notice` is `missing` where the operator has named none: nothing fails of it.
    """
    try:
        with identity.context().db.read() as session:
            found, schema = queries.workers(session), schemas.word(session)
            waits = journal_queries.oldest_waiting(session) if schema == "ok" else None  # it may not be there yet
    except AWAY as error:
        log.error("health.database_away", kind=type(error).__name__)
        unknown = dict.fromkeys(("schema", "worker", "clock", "wakeups"), "unknown")
        return _answer(**unknown, database="away", journal="unwritable" if _fails() else "unknown")
    return _answer(
        database="ok" if _is_written() else "unwritable",
        schema=schema,
        worker=found.word,
        wakeups="polled" if found.is_deaf else "ok",
        clock="off" if clock.machine_is_off() else "ok",
        journal=_journal(waits),
    )


def ready() -> Response:
    """Say whether this process can serve people: 200 or 503, and why not to who may see it.

    Only what keeps pages from being answered counts: without a worker nothing is lost, and a balancer that took all web
    machines out for it would lose everything.
    """
    reasons = _reasons()
    told: dict[str, object] = {"status": "not ready" if reasons else "ready"}
    if metrics.may_see_reasons():
        told["reasons"] = reasons
    response = jsonify(told)
    response.status_code = 503 if reasons else 200
    return response


def _reasons() -> list[str]:
    try:
        with identity.context().db.read() as session:
            schema = schemas.word(session)
    except PoolTimeout:
        return ["every connection of this process is in use"]
    except AWAY as error:
        log.error("health.database_away", kind=type(error).__name__)
        return ["the database does not answer"]
    if schema != "ok":
        return [f"the database's schema is {OF_SCHEMA[schema]}"]
    reasons = [] if _is_written() else ["the database takes no write: it only reads, or its disk is full"]
    return reasons + (["this machine's clock is off"] if clock.machine_is_off() else [])


def _is_written() -> bool:
    """Return whether the database takes a write; one that was just tried is not tried again."""
    at, found = current_app.extensions.get("portal_health", (None, True))
    if at is not None and time.monotonic() - at < WRITES_EVERY:
        return bool(found)
    found = True
    try:
        health.write(identity.context())
    except BUSY:
        log.info("health.busy")  # somebody else is writing it: it can be
    except AWAY as error:
        log.error("health.unwritable", kind=type(error).__name__, error=str(error.__cause__))
        found = False
    current_app.extensions["portal_health"] = (time.monotonic(), found)
    return found


def _journal(waits: datetime | None) -> str:
    """Say how the journal is; what this process itself could not write is known without the database."""
    context = identity.context()
    if context.db.journal is None:
        return "off" if waits is None else "behind"
    if context.is_restored:
        return "restored"
    if context.db.journal.unread_since is not None:
        return "unreadable"
    if _fails():
        return "unwritable"
    return "behind" if waits is not None and utc_now() - waits > BEHIND else "ok"


def _fails() -> bool:
    journal = identity.context().db.journal
    return journal is not None and journal.failing_since is not None


def _answer(**told: str) -> Response:
    well = all(told[name] == "ok" for name in ("database", "schema", "worker", "clock"))
    well = well and told["journal"] in ("ok", "off")
    notice = "ok" if current_app.extensions["portal_config"].operator_legal_url else "missing"
    response = jsonify(
        status="ok" if well else "failing",
        **told,
        version=VERSION,
        forwarded=len(request.access_route) if "X-Forwarded-For" in request.headers else 0,
        legal_notice=notice,
    )
    response.status_code = 200 if well else 503
    return response
