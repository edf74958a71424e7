"""Coming back: a new subscription linked to the old one."""

from alembic import op
import sqlalchemy as sa

revision = '0008'
down_revision = '0007'

STATES = ('recorded', 'creating', 'waiting', 'approved', 'given_up', 'failed')
TROUBLES = ('no_key', 'key_refused', 'plan_not_sold', 'old_still_live', 'not_offered', 'refused', 'no_link', 'no_answer', 'expired')
OPEN = "state IN ('creating', 'recorded', 'waiting')"


def upgrade() -> None:
    op.add_column('subscriptions', sa.Column('predecessor_id', sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f('fk_subscriptions_predecessor_id'), 'subscriptions', 'subscriptions', ['predecessor_id'], ['id'],
        ondelete='RESTRICT',
    )
    op.create_index(op.f('ix_subscriptions_predecessor_id'), 'subscriptions', ['predecessor_id'], unique=False)
    op.create_table(
        'comebacks',
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('product_id', sa.Uuid(), nullable=False),
        sa.Column('plan_id', sa.Text(), nullable=False),
        sa.Column('environment', sa.Text(), nullable=False),
        sa.Column('language', sa.Text(), nullable=False),
        sa.Column('state', sa.Enum(*STATES, name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column('start_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('amount', sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column('currency', sa.Text(), nullable=True),
        sa.Column('interval_unit', sa.Text(), nullable=True),
        sa.Column('interval_count', sa.Integer(), nullable=False),
        sa.Column('provider_id', sa.Text(), nullable=True),
        sa.Column('approval_url', sa.Text(), nullable=True),
        sa.Column('debug_id', sa.Text(), nullable=False),
        sa.Column('issue', sa.Text(), nullable=False),
        sa.Column('trouble', sa.Enum(*TROUBLES, name='trouble', native_enum=False, create_constraint=True, length=40), nullable=True),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('waiting_since', sa.DateTime(timezone=True), nullable=True),
        sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("state <> 'approved' OR approved_at IS NOT NULL", name=op.f('ck_comebacks_approved_has_a_date')),
        sa.CheckConstraint("state <> 'waiting' OR (provider_id IS NOT NULL AND approval_url IS NOT NULL)", name=op.f('ck_comebacks_waiting_has_a_link')),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_comebacks_customer_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_comebacks_merchant_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_comebacks_product_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_comebacks_subscription_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_comebacks')),
    )
    for column in ('customer_id', 'merchant_id', 'product_id', 'subscription_id'):
        op.create_index(op.f(f'ix_comebacks_{column}'), 'comebacks', [column], unique=False)
    op.create_index('ix_comebacks_next_try_at', 'comebacks', ['next_try_at'], postgresql_where=sa.text('next_try_at IS NOT NULL'))
    op.create_index('uq_comebacks_open', 'comebacks', ['subscription_id'], unique=True, postgresql_where=sa.text(OPEN))
    op.create_index('uq_comebacks_open_product', 'comebacks', ['customer_id', 'product_id'], unique=True, postgresql_where=sa.text(OPEN))
    op.create_index('uq_comebacks_provider_id', 'comebacks', ['merchant_id', 'environment', 'provider_id'], unique=True, postgresql_where=sa.text('provider_id IS NOT NULL'))


def downgrade() -> None:
    # What the older release has no word for cannot stay; the subscriptions themselves do.
    op.drop_table('comebacks')
    op.drop_constraint(op.f('fk_subscriptions_predecessor_id'), 'subscriptions', type_='foreignkey')
    op.drop_index(op.f('ix_subscriptions_predecessor_id'), table_name='subscriptions')
    op.drop_column('subscriptions', 'predecessor_id')
