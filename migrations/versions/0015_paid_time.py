"""Paid time by completed payments: what a read at PayPal may not show again."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0015'
down_revision = '0014'


def upgrade() -> None:
    op.add_column('subscriptions', sa.Column('declined_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('subscriptions', sa.Column('pending_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('subscriptions', sa.Column('trials', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False))
    op.add_column('subscriptions', sa.Column('keeps_month_ends', sa.Boolean(), nullable=True))


def downgrade() -> None:
    for column in ('keeps_month_ends', 'trials', 'pending_at', 'declined_at'):
        op.drop_column('subscriptions', column)
