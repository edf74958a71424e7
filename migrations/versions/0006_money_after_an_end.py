"""Payments after an end, and their refunds."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0006'
down_revision = '0005'

MOMENT = sa.DateTime(timezone=True)
LATE_STATES = ('open', 'refunded', 'explained', 'debt')
REFUND_STATES = ('recorded', 'calling', 'retrying', 'needs_merchant', 'pending', 'done', 'failed')
TROUBLES = ('unavailable', 'rate_limited', 'still_live', 'bad_credentials', 'forbidden', 'not_found', 'account_closed', 'no_key', 'unknown_word', 'refused')
OPEN_REFUND = sa.text("state IN ('calling', 'needs_merchant', 'pending', 'recorded', 'retrying')")


def _words(name, words):
    return sa.Enum(*words, name=name, native_enum=False, length=40, create_constraint=True)


def upgrade() -> None:
    op.add_column('subscriptions', sa.Column('unbilled_at', MOMENT, nullable=True))
    op.add_column('subscriptions', sa.Column('owed', sa.Numeric(18, 4), nullable=True))
    op.add_column('subscriptions', sa.Column('owed_currency', sa.Text(), nullable=True))
    op.add_column('subscriptions', sa.Column('next_watch_at', MOMENT, nullable=True))
    op.create_index('ix_subscriptions_next_watch_at', 'subscriptions', ['next_watch_at'], postgresql_where=sa.text('next_watch_at IS NOT NULL'))
    # Those that were stopped lately are looked at too: nobody did so far.  Not those that were late when they ended:
    # what they owed was not kept, and a debt that is paid must not ring as money after the end.
    op.execute(
        "UPDATE subscriptions SET unbilled_at = COALESCE(paid_until, stopped_at_provider_at), next_watch_at = now() "
        "WHERE provider = 'paypal_rest' AND stopped_at_provider_at > now() - interval '45 days' "
        "AND failed_payments = 0"
    )
    op.create_table(
        'late_payments',
        sa.Column('payment_id', sa.Uuid(), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('state', _words('state', LATE_STATES), nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('decided_by', sa.Text(), nullable=False),
        sa.Column('settled_at', MOMENT, nullable=True),
        sa.Column('merchant_told_at', MOMENT, nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("(state = 'open') = (settled_at IS NULL)", name=op.f('ck_late_payments_settled_has_a_date')),
        sa.CheckConstraint("state <> 'explained' OR reason <> ''", name=op.f('ck_late_payments_explained_has_a_reason')),
        sa.ForeignKeyConstraint(['payment_id'], ['payments.id'], name=op.f('fk_late_payments_payment_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_late_payments_subscription_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_late_payments_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_late_payments')),
        sa.UniqueConstraint('payment_id', name='uq_late_payments_payment_id'),
    )
    op.create_index('ix_late_payments_open', 'late_payments', ['merchant_id', 'created_at'], postgresql_where=sa.text("state = 'open'"))
    op.create_index('ix_late_payments_untold', 'late_payments', ['merchant_id'], postgresql_where=sa.text("merchant_told_at IS NULL AND state = 'open'"))
    op.create_index('ix_late_payments_subscription_id', 'late_payments', ['subscription_id'])
    op.create_index(op.f('ix_late_payments_merchant_id'), 'late_payments', ['merchant_id'])
    op.create_table(
        'refunds',
        sa.Column('payment_id', sa.Uuid(), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('amount', sa.Numeric(18, 4), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('state', _words('state', REFUND_STATES), nullable=False),
        sa.Column('actor_id', sa.Uuid(), nullable=True),
        sa.Column('actor_name', sa.Text(), nullable=False),
        sa.Column('provider_id', sa.Text(), nullable=False),
        sa.Column('debug_id', sa.Text(), nullable=False),
        sa.Column('trouble', _words('trouble', TROUBLES), nullable=True),
        sa.Column('answer', postgresql.JSONB(), nullable=True),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('claimed_at', MOMENT, nullable=True),
        sa.Column('sent_at', MOMENT, nullable=True),
        sa.Column('next_try_at', MOMENT, nullable=True),
        sa.Column('settled_at', MOMENT, nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('amount > 0', name=op.f('ck_refunds_amount')),
        sa.CheckConstraint("(state IN ('done', 'failed')) = (settled_at IS NOT NULL)", name=op.f('ck_refunds_settled_has_a_date')),
        sa.CheckConstraint("state <> 'pending' OR provider_id <> ''", name=op.f('ck_refunds_pending_has_paypals_id')),
        sa.ForeignKeyConstraint(['payment_id'], ['payments.id'], name=op.f('fk_refunds_payment_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_refunds_subscription_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_refunds_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_refunds')),
    )
    op.create_index('uq_refunds_open', 'refunds', ['payment_id'], unique=True, postgresql_where=OPEN_REFUND)
    op.create_index('ix_refunds_next_try_at', 'refunds', ['next_try_at'], postgresql_where=OPEN_REFUND)
    op.create_index('ix_refunds_subscription_id', 'refunds', ['subscription_id'])
    op.create_index(op.f('ix_refunds_payment_id'), 'refunds', ['payment_id'])
    op.create_index(op.f('ix_refunds_merchant_id'), 'refunds', ['merchant_id'])


def downgrade() -> None:
    op.drop_table('refunds')
    op.drop_table('late_payments')
    op.drop_index('ix_subscriptions_next_watch_at', table_name='subscriptions')
    for column in ('next_watch_at', 'owed_currency', 'owed', 'unbilled_at'):
        op.drop_column('subscriptions', column)
