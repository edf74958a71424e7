"""Finished jobs go in batches: the library deletes them in one statement, which sorts every job there is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from portal.services.context import Context

BATCH: Final = 1_000
# By their number: a job is never older than one before it.
NEXT: Final = text("""
    SELECT max(id) AS last, min(id) AS first FROM (
        SELECT id FROM procrastinate_jobs WHERE id > :after ORDER BY id LIMIT :batch
    ) AS next_ones
""")
DELETE: Final = text("""
    DELETE FROM procrastinate_jobs AS jobs
    WHERE id BETWEEN :first AND :last AND status NOT IN ('todo', 'doing') AND NOT EXISTS (
        SELECT 1 FROM procrastinate_events AS events WHERE events.job_id = jobs.id AND events.at >= :before
    )
""")
YOUNG: Final = text("SELECT min(at) >= :before FROM procrastinate_events WHERE job_id = :first")


def purge(context: Context, *, before: datetime) -> int:
    """Delete jobs to which nothing happened since `before` and nothing will, a transaction a batch; return how many."""
    number = after = 0
    while True:
        with context.db.begin() as session:
            found = session.execute(NEXT, {"after": after, "batch": BATCH}).one()
            if found.last is None or session.scalar(YOUNG, {"first": found.first, "before": before}):
                return number
            span = {"first": found.first, "last": found.last, "before": before}
            number += session.connection().execute(DELETE, span).rowcount
        after = found.last
