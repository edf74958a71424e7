"""Is the portal well: its database, and a worker that gave a sign of life within a minute."""

from __future__ import annotations

import structlog
from flask import Response, jsonify

from portal.queries import sessions
from portal.web import identity
from portal.web.errors import AWAY

log = structlog.get_logger("portal.web")

HEARTBEAT = 60  # seconds; procrastinate's workers write one every 10


def answer() -> Response:
    """Return `{"status", "database", "worker"}`: 200 when both are well, 503 when either is not.

    `worker` is `ok`, `silent` (its last sign of life is too old), `missing` (none was started), or `unknown`.
    """
    try:
        with identity.context().db.read() as session:
            age = sessions.worker_age(session)
    except AWAY as error:
        log.error("health.database_away", kind=type(error).__name__)
        return _answer(database="away", worker="unknown")
    if age is None:
        return _answer(database="ok", worker="missing")
    return _answer(database="ok", worker="ok" if age <= HEARTBEAT else "silent")


def _answer(*, database: str, worker: str) -> Response:
    well = database == worker == "ok"
    response = jsonify(status="ok" if well else "failing", database=database, worker=worker)
    response.status_code = 200 if well else 503
    return response
