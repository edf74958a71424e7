"""What the database says of itself, for `flask check`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Server:
    """A PostgreSQL: `version` as it counts (170002), `room` in connections that are not kept for its own people."""

    version: int
    encoding: str
    is_standby: bool
    now: datetime
    room: int


def server(session: Session) -> Server:
    """Return the facts of the server and database that a session speaks to."""
    row = session.execute(
        text(
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),"
            " pg_is_in_recovery(), clock_timestamp(),"
            " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        )
    ).one()
    return Server(*row)


def unknown_zones(session: Session) -> list[str]:
    """Return the time zones of merchants that the server does not know: their days could not be told."""
    found = session.execute(
        text(
            "SELECT DISTINCT time_zone FROM merchants WHERE time_zone NOT IN (SELECT name FROM pg_timezone_names)"
            " ORDER BY time_zone"
        )
    )
    return list(found.scalars())
