"""Statements on the job queue's own tables, for all jobs there are."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

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
UNKNOWN: Final = text(
    "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND task_name <> ALL(:known)"
    " AND coalesce(scheduled_at, now()) <= now()"
)
