"""Until when staff's word about the refund of a withdrawal reaches: what PayPal takes afterwards is a task again."""

from alembic import op
import sqlalchemy as sa

from portal import gently

revision = '0063'
down_revision = '0062'


def upgrade() -> None:
    gently.column('withdrawals', sa.Column('settled_until', sa.DateTime(timezone=True), nullable=True))
    gently.in_batches('withdrawals', 'settled_until = closed_at', "closed_by <> '' AND settled_until IS NULL")


def downgrade() -> None:
    op.drop_column('withdrawals', 'settled_until')
