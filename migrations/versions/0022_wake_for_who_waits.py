"""A new job wakes the workers only where a person waits for it; they find the others by looking (portal/queue.py)."""

from alembic import op

revision = '0022'
down_revision = '0021'

# NOTIFY lets the commits of the whole database queue behind one lock: with 32 connections 393 a second instead of 2,300.
WAKE = """
    CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON procrastinate_jobs
    FOR EACH ROW WHEN ({condition}) EXECUTE PROCEDURE procrastinate_notify_queue_job_inserted_v1()
"""
TO_DO = "new.status = 'todo'::procrastinate_job_status"
AWAITED = f"{TO_DO} AND new.priority >= 25 AND new.scheduled_at IS NULL"


def _wake(condition: str) -> None:
    op.execute("DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs")
    op.execute(WAKE.format(condition=condition))


def upgrade() -> None:
    _wake(AWAITED)


def downgrade() -> None:
    _wake(TO_DO)
