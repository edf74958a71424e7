"""Alembic's environment: the address comes from the caller (`flask migrate`, the tests), never from a file."""

from alembic import context
from sqlalchemy import create_engine, text

from portal.models import Base

MIGRATION_LOCK = 7_204_011  # two processes that migrate at once wait for each other


def ours(_object, name, type_, _reflected, _compare_to) -> bool:
    """Leave the job queue's own tables to their library."""
    return not (type_ == "table" and name.startswith("procrastinate_"))


engine = create_engine("postgresql+psycopg://", connect_args=context.config.attributes["connecting"])
try:
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=Base.metadata, include_object=ours, transaction_per_migration=True
        )
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": MIGRATION_LOCK})
            context.run_migrations()
finally:  # a migration may refuse
    engine.dispose()
