"""Finished jobs go in batches: the library deletes them in one statement, which sorts every job there is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from portal.queries.operating.queued_jobs import DELETE, NEXT, YOUNG

if TYPE_CHECKING:
    from portal.services.context import Context

BATCH: Final = 1_000


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
