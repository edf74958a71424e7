"""Sums that leave a payment or come back to it, what a late one adds to the paid time, a message's and a plan's facts."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0014'
down_revision = '0013'


def upgrade() -> None:
    op.add_column('payments', sa.Column('reversals', postgresql.JSONB(), server_default='{}', nullable=False))
    op.add_column('late_payments', sa.Column('told_back', sa.Numeric(precision=18, scale=4), server_default='0', nullable=False))
    op.add_column('subscriptions', sa.Column('stop_paid_until', sa.DateTime(timezone=True), nullable=True))
    op.add_column('paypal_events', sa.Column('provenance', sa.Enum('file', 'kept', 'issuer', 'asked', 'open', name='provenance', native_enum=False, create_constraint=True, length=40), nullable=True))
    op.add_column('paypal_events', sa.Column('delivery', postgresql.JSONB(), nullable=True))
    op.add_column('plans', sa.Column('changed_at', sa.DateTime(timezone=True), nullable=True))
    # A reversal counted as all of it, and its sum was not kept: what was told then stands.
    op.execute(
        "UPDATE payments SET reversals = jsonb_build_object('before', (amount - refunded)::text)"
        " WHERE state = 'reversed' AND refunded < amount"
    )
    op.execute(
        "UPDATE late_payments SET told_back = CASE WHEN late_payments.state = 'refunded' THEN payments.amount ELSE payments.refunded END"
        ' FROM payments WHERE payments.id = late_payments.payment_id'
    )
    # Where money came after the stop, the payment that should not have come was due when the paid time was over.
    op.execute(
        'UPDATE subscriptions SET stop_paid_until = CASE'
        ' WHEN EXISTS (SELECT FROM late_payments WHERE subscription_id = subscriptions.id)'
        ' THEN LEAST(paid_until, unbilled_at) ELSE paid_until END'
        ' WHERE stopped_at_provider_at IS NOT NULL'
    )


def downgrade() -> None:
    op.drop_column('plans', 'changed_at')
    op.drop_column('paypal_events', 'delivery')
    op.drop_column('paypal_events', 'provenance')
    op.drop_column('subscriptions', 'stop_paid_until')
    op.drop_column('late_payments', 'told_back')
    op.drop_column('payments', 'reversals')
