"""Files whose lines a worker could not go through: when it gave up, so that whoever waits is told and can go on."""

from alembic import op
import sqlalchemy as sa

from portal import gently

revision = '0074'
down_revision = '0073'


def upgrade() -> None:
    gently.column('file_imports', sa.Column('failed_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('file_imports', 'failed_at')
