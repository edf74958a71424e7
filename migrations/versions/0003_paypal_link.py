"""The link to PayPal: classic keys, webhooks and IPN in, payments, comparisons, lists of classic profiles."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    op.create_table('comparison_runs',
    sa.Column('environment', sa.Text(), nullable=False),
    sa.Column('trigger', sa.Enum('nightly', 'payment_due', 'manual', name='trigger', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('dry_run', sa.Boolean(), nullable=False),
    sa.Column('everything', sa.Boolean(), nullable=False),
    sa.Column('state', sa.Enum('running', 'stopped', 'done', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('phase', sa.Enum('list', 'reads', name='phase', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('changed_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('next_page', sa.Integer(), nullable=False),
    sa.Column('after_id', sa.Uuid(), nullable=True),
    sa.Column('calls', sa.Integer(), nullable=False),
    sa.Column('compared', sa.Integer(), nullable=False),
    sa.Column('differed', sa.Integer(), nullable=False),
    sa.Column('corrected', sa.Integer(), nullable=False),
    sa.Column('added', sa.Integer(), nullable=False),
    sa.Column('failed', sa.Integer(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('wait_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('touched_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_comparison_runs_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comparison_runs'))
    )
    op.create_index(op.f('ix_comparison_runs_merchant_id'), 'comparison_runs', ['merchant_id'], unique=False)
    op.create_index('ix_comparison_runs_merchant_id_created_at', 'comparison_runs', ['merchant_id', 'created_at'], unique=False)
    op.create_index('uq_comparison_runs_unfinished', 'comparison_runs', ['merchant_id'], unique=True, postgresql_where=sa.text("state <> 'done'"))
    op.create_table('paypal_events',
    sa.Column('environment', sa.Text(), nullable=False),
    sa.Column('source', sa.Enum('webhook', 'ipn', name='source', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('event_id', sa.Text(), nullable=False),
    sa.Column('transmission_id', sa.Text(), nullable=True),
    sa.Column('event_type', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('happened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'done', 'ignored', 'refused', 'failed', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('handled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('replayed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_paypal_events_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_paypal_events')),
    sa.UniqueConstraint('merchant_id', 'source', 'event_id', name='uq_paypal_events_event_id'),
    sa.UniqueConstraint('merchant_id', 'transmission_id', name='uq_paypal_events_transmission_id')
    )
    op.create_index('ix_paypal_events_body', 'paypal_events', ['received_at'], unique=False, postgresql_where=sa.text('body IS NOT NULL'))
    op.create_index(op.f('ix_paypal_events_merchant_id'), 'paypal_events', ['merchant_id'], unique=False)
    op.create_index('ix_paypal_events_merchant_id_received_at', 'paypal_events', ['merchant_id', 'received_at', 'id'], unique=False)
    op.create_index('ix_paypal_events_waiting', 'paypal_events', ['next_try_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('profile_imports',
    sa.Column('environment', sa.Text(), nullable=False),
    sa.Column('file_name', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('running', 'stopped', 'done', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('added', sa.Integer(), nullable=False),
    sa.Column('known', sa.Integer(), nullable=False),
    sa.Column('failed', sa.Integer(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('touched_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_profile_imports_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_profile_imports'))
    )
    op.create_index(op.f('ix_profile_imports_merchant_id'), 'profile_imports', ['merchant_id'], unique=False)
    op.create_index('ix_profile_imports_merchant_id_created_at', 'profile_imports', ['merchant_id', 'created_at'], unique=False)
    op.create_index('uq_profile_imports_unfinished', 'profile_imports', ['merchant_id'], unique=True, postgresql_where=sa.text("state <> 'done'"))
    op.create_table('webhook_endpoints',
    sa.Column('environment', sa.Text(), nullable=False),
    sa.Column('token', sa.Text(), nullable=False),
    sa.Column('webhook_id', sa.Text(), nullable=True),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('registered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('trouble', sa.Enum('address_not_public', 'limit_reached', 'missing_right', 'key_refused', 'no_answer', 'refused', name='trouble', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('debug_id', sa.Text(), nullable=False),
    sa.Column('last_refused_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_refusal', sa.Text(), nullable=False),
    sa.Column('refused_count', sa.Integer(), nullable=False),
    sa.Column('test_asked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('test_seen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_fetch', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_webhook_endpoints_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_endpoints')),
    sa.UniqueConstraint('merchant_id', 'environment', name='uq_webhook_endpoints_environment'),
    sa.UniqueConstraint('token', name=op.f('uq_webhook_endpoints_token'))
    )
    op.create_index(op.f('ix_webhook_endpoints_merchant_id'), 'webhook_endpoints', ['merchant_id'], unique=False)
    op.create_table('profile_import_rows',
    sa.Column('profile_import_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('profile_id', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'added', 'known', 'failed', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['profile_import_id'], ['profile_imports.id'], name=op.f('fk_profile_import_rows_profile_import_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_profile_import_rows')),
    sa.UniqueConstraint('profile_import_id', 'line', name='uq_profile_import_rows_line')
    )
    op.create_index('ix_profile_import_rows_state', 'profile_import_rows', ['profile_import_id', 'state', 'line'], unique=False)
    op.create_table('comparison_differences',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=True),
    sa.Column('provider_id', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('after', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('corrected', sa.Boolean(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_comparison_differences_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['run_id'], ['comparison_runs.id'], name=op.f('fk_comparison_differences_run_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_comparison_differences_subscription_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comparison_differences'))
    )
    op.create_index(op.f('ix_comparison_differences_merchant_id'), 'comparison_differences', ['merchant_id'], unique=False)
    op.create_index('ix_comparison_differences_run_id_at', 'comparison_differences', ['run_id', 'at', 'id'], unique=False)
    op.create_index(op.f('ix_comparison_differences_subscription_id'), 'comparison_differences', ['subscription_id'], unique=False)
    op.create_table('payments',
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('environment', sa.Text(), nullable=False),
    sa.Column('provider_id', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('pending', 'denied', 'completed', 'partially_refunded', 'refunded', 'reversed', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('amount', sa.Numeric(precision=18, scale=4), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('refunded', sa.Numeric(precision=18, scale=4), nullable=False),
    sa.Column('refunds', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.CheckConstraint('amount >= 0', name=op.f('ck_payments_amount')),
    sa.CheckConstraint('refunded >= 0 AND refunded <= amount', name=op.f('ck_payments_refunded')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_payments_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_payments_subscription_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payments')),
    sa.UniqueConstraint('merchant_id', 'environment', 'provider_id', name='uq_payments_provider_id')
    )
    op.create_index(op.f('ix_payments_merchant_id'), 'payments', ['merchant_id'], unique=False)
    op.create_index('ix_payments_subscription_id_paid_at', 'payments', ['subscription_id', 'paid_at'], unique=False)
    # Every key stored so far is a REST key.
    op.add_column('paypal_accounts', sa.Column('provider', sa.String(40), nullable=False, server_default='paypal_rest'))
    op.add_column('paypal_accounts', sa.Column('signature', sa.LargeBinary(), nullable=True))
    op.add_column('paypal_accounts', sa.Column('receivers', postgresql.ARRAY(sa.Text()), nullable=False, server_default='{}'))
    op.alter_column('paypal_accounts', 'provider', server_default=None)
    op.alter_column('paypal_accounts', 'receivers', server_default=None)
    op.create_check_constraint(op.f('ck_paypal_accounts_provider'), 'paypal_accounts', "provider IN ('paypal_rest', 'paypal_classic')")
    op.create_check_constraint(op.f('ck_paypal_accounts_classic_has_a_signature'), 'paypal_accounts', "(provider = 'paypal_classic') = (signature IS NOT NULL)")
    op.drop_constraint(op.f('uq_paypal_accounts_merchant_id'), 'paypal_accounts', type_='unique')
    op.create_unique_constraint('uq_paypal_accounts_provider', 'paypal_accounts', ['merchant_id', 'provider'])
    op.create_index('ix_subscriptions_next_payment_at', 'subscriptions', ['next_payment_at'], unique=False, postgresql_where=sa.text('stopped_at_provider_at IS NULL'))
    op.create_index('ix_subscriptions_to_compare', 'subscriptions', ['merchant_id', 'id'], unique=False, postgresql_where=sa.text('stopped_at_provider_at IS NULL'))


def downgrade() -> None:
    op.drop_index('ix_subscriptions_to_compare', table_name='subscriptions')
    op.drop_index('ix_subscriptions_next_payment_at', table_name='subscriptions')
    # The schema before knows one REST key a merchant: a classic one cannot be kept.
    op.execute("DELETE FROM paypal_accounts WHERE provider <> 'paypal_rest'")
    op.drop_constraint('uq_paypal_accounts_provider', 'paypal_accounts', type_='unique')
    op.create_unique_constraint(op.f('uq_paypal_accounts_merchant_id'), 'paypal_accounts', ['merchant_id'])
    op.drop_constraint(op.f('ck_paypal_accounts_classic_has_a_signature'), 'paypal_accounts', type_='check')
    op.drop_constraint(op.f('ck_paypal_accounts_provider'), 'paypal_accounts', type_='check')
    op.drop_column('paypal_accounts', 'receivers')
    op.drop_column('paypal_accounts', 'signature')
    op.drop_column('paypal_accounts', 'provider')
    for table in ('payments', 'comparison_differences', 'profile_import_rows', 'webhook_endpoints', 'profile_imports',
                  'paypal_events', 'comparison_runs'):
        op.drop_table(table)
