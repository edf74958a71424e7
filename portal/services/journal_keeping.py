"""The journal's own housekeeping: what could not be written is, and what is older than its time goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import delete, update

from portal import clock
from portal.models import JournalEntry
from portal.queries.operating import journal as queries
from portal.services import restores
from portal.services.context import Context

log = structlog.get_logger("portal.journal")

LATE: Final = timedelta(seconds=15)  # whoever committed it writes it by itself, before
AT_ONCE: Final = 500
SLACK: Final = timedelta(days=2)  # the database remembers numbers for longer than any segment lasts


def sweep(ctx: Context, *, now: datetime) -> int:
    """Write what waits for its place in the journal; return how much it was. What fails again waits on."""
    if ctx.db.journal is None:
        if _is_noted(ctx):
            log.error("journal_without_a_folder", setting="PORTAL_JOURNAL")  # another process may have it: nothing goes
        return 0
    found = 0
    while True:
        with ctx.db.begin() as session:
            rows = queries.lock_waiting(session, before=now - LATE, limit=AT_ONCE)
            if not rows or not ctx.db.journal.write(rows):
                return found
            numbers = [row.number for row in rows]
            crossed = update(JournalEntry).where(JournalEntry.number.in_(numbers)).values(waits=False, image=None)
            session.execute(crossed.execution_options(synchronize_session=False))
            found += len(rows)


def _is_noted(ctx: Context) -> bool:
    with ctx.db.read() as session:
        return queries.is_noted(session)


def forget(ctx: Context, *, now: datetime) -> int:
    """Delete segments older than their time, then what the database remembers of them; return how many segments.

    Nothing while the machine's clock is off, or while the database waits for its recovery.
    """
    journal = ctx.db.journal
    if journal is None or clock.machine_is_off() or restores.restored_at(ctx.db) is not None:
        return 0
    gone = journal.folder.delete_older(timedelta(days=journal.days).total_seconds())
    old = JournalEntry.at < now - timedelta(days=journal.days) - SLACK
    with ctx.db.begin() as session:
        session.execute(delete(JournalEntry).where(old, ~JournalEntry.waits))
    return gone
