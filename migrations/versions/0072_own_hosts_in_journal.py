"""A merchant's own host is noted for the journal: one that was given up does not come back with a backup."""

from alembic import op

revision = '0072'
down_revision = '0064'


def upgrade() -> None:
    op.execute(
        'CREATE TRIGGER journal_insert AFTER INSERT OR UPDATE OR DELETE ON own_hosts FOR EACH ROW'
        " EXECUTE FUNCTION journal_note('id', '{checked_at,fault,failing_since}', '{}', '{}')"
    )


def downgrade() -> None:
    op.execute('DROP TRIGGER journal_insert ON own_hosts')
