"""Is the portal well: its database, that it can be written, a worker alive of late, and this machine's clock."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final

import structlog
from flask import Response, current_app, jsonify

from portal import clock
from portal.clock import utc_now
from portal.queries import health as queries
from portal.queries import journal as journal_queries
from portal.services import health
from portal.web import identity
from portal.web.errors import AWAY, BUSY

log = structlog.get_logger("portal.web")

HEARTBEAT = 60  # seconds; procrastinate's workers write one every 10
BEHIND: Final = timedelta(minutes=3)  # the sweep writes each minute what nobody else has
WRITES_EVERY = 5  # seconds of one process: everybody may ask


def answer() -> Response:
    """Return `{"status", "database", "worker", "wakeups", "clock", "journal"}`: 200 when all are well, else 503.

    `database` is `ok`, `away`, or `unwritable`: it only reads, or its disk is full.
    `clock` is `ok`, or `off` when this machine's differs from the database's by more than a minute.
    `worker` is `ok`, `silent` (its last sign of life is too old), `missing` (none was started), or `unknown`.
    `wakeups` is `ok`, `polled` (a worker's LISTEN is lost on the way, it looks for jobs each second), or `unknown`.
    `journal` is `ok`, `off` (nothing is kept outside the database), `unwritable`, `behind` (something waits for its
    place for longer than a few minutes), or `restored`: the database is, and waits for `flask recover`.
    """
    try:
        with identity.context().db.read() as session:
            found, waits = queries.workers(session), journal_queries.oldest_waiting(session)
    except AWAY as error:
        log.error("health.database_away", kind=type(error).__name__)
        journal = "unwritable" if _fails() else "unknown"
        return _answer(database="away", worker="unknown", machine="unknown", wakeups="unknown", journal=journal)
    worker = "missing" if found.age is None else "ok" if found.age <= HEARTBEAT else "silent"
    machine = "off" if clock.machine_is_off() else "ok"
    database, wakeups = "ok" if _is_written() else "unwritable", "polled" if found.is_deaf else "ok"
    return _answer(database=database, worker=worker, machine=machine, wakeups=wakeups, journal=_journal(waits))


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
    if _fails():
        return "unwritable"
    return "behind" if waits is not None and utc_now() - waits > BEHIND else "ok"


def _fails() -> bool:
    journal = identity.context().db.journal
    return journal is not None and journal.failing_since is not None


def _answer(*, database: str, worker: str, machine: str, wakeups: str, journal: str) -> Response:
    well = database == worker == machine == "ok" and journal in ("ok", "off")
    response = jsonify(
        status="ok" if well else "failing",
        database=database,
        worker=worker,
        wakeups=wakeups,
        clock=machine,
        journal=journal,
    )
    response.status_code = 200 if well else 503
    return response
