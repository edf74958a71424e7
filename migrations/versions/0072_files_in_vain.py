"""Files that a worker could not make: when it gave up, so that whoever waits is told and can start again."""

from alembic import op
import sqlalchemy as sa

from portal import gently

revision = '0072'
down_revision = '0071'

TABLES = ('list_exports', 'merchant_archives', 'data_exports')


def upgrade() -> None:
    for table in TABLES:
        gently.column(table, sa.Column('failed_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, 'failed_at')
