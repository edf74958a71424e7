"""Is the portal well: its database, a worker that gave a sign of life within a minute, and this machine's clock."""

from __future__ import annotations

import structlog
from flask import Response, jsonify

from portal import clock
from portal.queries import sessions
from portal.web import identity
from portal.web.errors import AWAY

log = structlog.get_logger("portal.web")

HEARTBEAT = 60  # seconds; procrastinate's workers write one every 10


def answer() -> Response:
    """Return `{"status", "database", "worker", "clock"}`: 200 when all are well, 503 when one is not.

    `clock` is `ok`, or `off` when this machine's differs from the database's by more than a minute.
    `worker` is `ok`, `silent` (its last sign of life is too old), `missing` (none was started), or `unknown`.
    """
    try:
        with identity.context().db.read() as session:
            age = sessions.worker_age(session)
    except AWAY as error:
        log.error("health.database_away", kind=type(error).__name__)
        return _answer(database="away", worker="unknown", time="unknown")
    time = "off" if clock.machine_is_off() else "ok"
    if age is None:
        return _answer(database="ok", worker="missing", time=time)
    return _answer(database="ok", worker="ok" if age <= HEARTBEAT else "silent", time=time)


def _answer(*, database: str, worker: str, time: str) -> Response:
    well = database == worker == time == "ok"
    response = jsonify(status="ok" if well else "failing", database=database, worker=worker, clock=time)
    response.status_code = 200 if well else 503
    return response
