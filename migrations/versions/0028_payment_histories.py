"""Payments from before the portal was connected: each subscription that PayPal lists transactions of is read once."""

from alembic import op
import sqlalchemy as sa

revision = '0028'
down_revision = '0027'


def upgrade() -> None:
    op.add_column('subscriptions', sa.Column('history_due_at', sa.DateTime(timezone=True)))
    op.execute("UPDATE subscriptions SET history_due_at = now() WHERE provider = 'paypal_rest'")
    op.create_index(
        'ix_subscriptions_history_due_at',
        'subscriptions',
        ['history_due_at'],
        postgresql_where=sa.text('history_due_at IS NOT NULL'),
    )


def downgrade() -> None:
    op.drop_index('ix_subscriptions_history_due_at', table_name='subscriptions')
    op.drop_column('subscriptions', 'history_due_at')
