"""Mails whose job was lost.

Jobs are written with the mails, so this finds something only after a loss (a restored backup, a job deleted by
hand) or where the queue is far behind: a second job for the same mail does nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.queries.operating import lost_jobs
from portal.services.context import Context

EARLY: Final = timedelta(seconds=5)  # how far a worker's clock may be behind the database's
FORGOTTEN: Final = timedelta(minutes=10)  # so long after its time, a mail that still waits has lost its job


def sweep(
    ctx: Context,
    waits: ColumnElement[bool],
    time: InstrumentedAttribute[Any],
    defer: Callable[[Session, uuid.UUID], None],
    *,
    now: datetime,
    limit: int = 500,
) -> int:
    """Give a job to every mail that waits and whose time has passed without one; return how many there were."""
    with ctx.db.begin() as session:
        forgotten = lost_jobs.lock(session, waits, time, before=now - FORGOTTEN, limit=limit)
        for row in forgotten:
            setattr(row, time.key, now)
            defer(session, row.id)
    return len(forgotten)
