"""Can the database be written: a database that only reads, or whose disk is full, still answers every question.

And what workers tell of themselves: that nothing wakes them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from portal.models import HealthMark
from portal.services.context import Context

FILLING: Final = 32 * 1024  # bytes: four new pages with each write, which a full disk does not give


def write(ctx: Context) -> None:
    """Write the one row over; raise what the database says where it cannot."""
    # By the server itself: nothing travels.
    values = {"at": func.now(), "filling": func.decode(func.repeat("00", FILLING), "hex")}
    written = insert(HealthMark).values(id=1, **values)
    with ctx.db.begin() as session:
        session.execute(written.on_conflict_do_update(index_elements=[HealthMark.id], set_=values))


def note_deaf(ctx: Context) -> None:
    """Note, for /healthz, that a worker looks for its jobs since no notification reaches it (`jobs.hearing`)."""
    noted = insert(HealthMark).values(id=1, at=func.now(), filling=b"", deaf_at=func.now())
    with ctx.db.begin() as session:
        session.execute(noted.on_conflict_do_update(index_elements=[HealthMark.id], set_={"deaf_at": func.now()}))
