"""Is the portal well: its database, that it can be written, a worker alive of late, and this machine's clock."""

from __future__ import annotations

import time

import structlog
from flask import Response, current_app, jsonify

from portal import clock
from portal.queries import health as queries
from portal.services import health
from portal.web import identity
from portal.web.errors import AWAY, BUSY

log = structlog.get_logger("portal.web")

HEARTBEAT = 60  # seconds; procrastinate's workers write one every 10
WRITES_EVERY = 5  # seconds of one process: everybody may ask


def answer() -> Response:
    """Return `{"status", "database", "worker", "wakeups", "clock", "legal_notice"}`: 200 when all are well,
    503 when one is not.

    `database` is `ok`, `away`, or `unwritable`: it only reads, or its disk is full.
    `clock` is `ok`, or `off` when this machine's differs from the database's by more than a minute.
    `worker` is `ok`, `silent` (its last sign of life is too old), `missing` (none was started), or `unknown`.
    `wakeups` is `ok`, `polled` (a worker's LISTEN is lost on the way, it looks for jobs each second), or `unknown`.
    `legal_notice` is `missing` where the operator has named none: nothing fails of it.
    """
    try:
        with identity.context().db.read() as session:
            found = queries.workers(session)
    except AWAY as error:
        log.error("health.database_away", kind=type(error).__name__)
        return _answer(database="away", worker="unknown", machine="unknown", wakeups="unknown")
    worker = "missing" if found.age is None else "ok" if found.age <= HEARTBEAT else "silent"
    machine = "off" if clock.machine_is_off() else "ok"
    database, wakeups = "ok" if _is_written() else "unwritable", "polled" if found.is_deaf else "ok"
    return _answer(database=database, worker=worker, machine=machine, wakeups=wakeups)


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


def _answer(*, database: str, worker: str, machine: str, wakeups: str) -> Response:
    well = database == worker == machine == "ok"
    notice = "ok" if current_app.extensions["portal_config"].operator_legal_url else "missing"
    response = jsonify(
        status="ok" if well else "failing",
        database=database,
        worker=worker,
        wakeups=wakeups,
        clock=machine,
        legal_notice=notice,
    )
    response.status_code = 200 if well else 503
    return response
