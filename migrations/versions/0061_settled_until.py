"""Until when staff's word about the refund of a withdrawal reaches: what PayPal takes afterwards is a task again."""

from alembic import op
import sqlalchemy as sa

revision = '0061'
down_revision = '0060'


def upgrade() -> None:
    op.add_column('withdrawals', sa.Column('settled_until', sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE withdrawals SET settled_until = closed_at WHERE closed_by <> ''")


def downgrade() -> None:
    op.drop_column('withdrawals', 'settled_until')
