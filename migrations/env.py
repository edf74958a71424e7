"""Alembic's environment: the address comes from the caller (`flask migrate`, the tests), never from a file."""

import time

from alembic import context
from sqlalchemy import create_engine, text

from portal import gently, releases
from portal.models import Base

MIGRATION_LOCK = 7_204_011  # two processes that migrate at once wait for each other
LOOK = 0.5  # seconds


def ours(_object, name, type_, _reflected, _compare_to) -> bool:
    """Leave the job queue's own tables to their library."""
    return not (type_ == "table" and name.startswith("procrastinate_"))


def wait_for_others(connection) -> None:
    """Take the lock for as long as this connection's server process lives: also while it finishes a dead client's work.

    By looking, not by waiting inside: CREATE INDEX CONCURRENTLY of the other one would wait for our transaction.
    """
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:id)"), {"id": MIGRATION_LOCK}):
        connection.rollback()
        time.sleep(LOOK)
    connection.execute(text(f"SET lock_timeout = {gently.PATIENCE}"))
    connection.execute(text("SET client_connection_check_interval = '1s'"))  # a killed client's statement ends
    connection.commit()


def mark(ctx, step, heads, run_args) -> None:
    """Write which code the schema still admits, with the step itself."""
    (revision,) = heads or ("base",)
    past = context.script.iterate_revisions(revision, "base") if heads else ()
    least = max((getattr(script.module, "least_code", "") for script in past), default="")
    ctx.connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{releases.MARK}{least}'"))


engine = create_engine("postgresql+psycopg://", connect_args=context.config.attributes["connecting"])
try:
    with engine.connect() as connection:
        wait_for_others(connection)
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=ours,
            transaction_per_migration=True,
            on_version_apply=mark,
        )
        with context.begin_transaction():
            context.run_migrations()
finally:  # a migration may refuse
    engine.dispose()
