"""Is the portal well: its database, that it can be written, a worker alive of late, and this machine's clock."""

from __future__ import annotations

import time

import structlog
from flask import Response, current_app, jsonify

from portal import clock
from portal.queries.people import sessions
from portal.services import health
from portal.web import identity
from portal.web.errors import AWAY, BUSY

log = structlog.get_logger("portal.web")

HEARTBEAT = 60  # seconds; procrastinate's workers write one every 10
WRITES_EVERY = 5  # seconds of one process: everybody may ask


def answer() -> Response:
    """Return `{"status", "database", "worker", "clock"}`: 200 when all are well, 503 when one is not.

    `database` is `ok`, `away`, or `unwritable`: it only reads, or its disk is full.
    `clock` is `ok`, or `off` when this machine's differs from the database's by more than a minute.
    `worker` is `ok`, `silent` (its last sign of life is too old), `missing` (none was started), or `unknown`.
    """
    try:
        with identity.context().db.read() as session:
            age = sessions.worker_age(session)
    except AWAY as error:
        log.error("health.database_away", kind=type(error).__name__)
        return _answer(database="away", worker="unknown", machine="unknown")
    worker = "missing" if age is None else "ok" if age <= HEARTBEAT else "silent"
    machine = "off" if clock.machine_is_off() else "ok"
    return _answer(database="ok" if _is_written() else "unwritable", worker=worker, machine=machine)


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


def _answer(*, database: str, worker: str, machine: str) -> Response:
    well = database == worker == machine == "ok"
    response = jsonify(status="ok" if well else "failing", database=database, worker=worker, clock=machine)
    response.status_code = 200 if well else 503
    return response
