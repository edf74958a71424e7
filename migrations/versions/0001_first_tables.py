"""The first tables: merchants, staff, customers, products, subscriptions, requests, mails."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None


def upgrade() -> None:
    op.create_table('merchants',
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('locale', sa.Text(), nullable=False),
    sa.Column('time_zone', sa.Text(), nullable=False),
    sa.Column('support_email', sa.Text(), nullable=True),
    sa.Column('self_cancellation', sa.Boolean(), nullable=False),
    sa.Column('cancellation_text', sa.Text(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{1,62}$'", name=op.f('ck_merchants_slug')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_merchants')),
    sa.UniqueConstraint('slug', name=op.f('uq_merchants_slug'))
    )
    op.create_table('throttles',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('window_start', sa.DateTime(timezone=True), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('key', 'window_start', name=op.f('pk_throttles'))
    )
    op.create_table('customers',
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('payer_id', sa.Text(), nullable=True),
    sa.Column('locale', sa.Text(), nullable=True),
    sa.Column('contact_allowed', sa.Boolean(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_customers_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_customers'))
    )
    op.create_index(op.f('ix_customers_merchant_id'), 'customers', ['merchant_id'], unique=False)
    op.create_index('ix_customers_merchant_id_name', 'customers', ['merchant_id', 'name', 'id'], unique=False)
    op.create_index('uq_customers_merchant_id_email', 'customers', ['merchant_id', 'email'], unique=True, postgresql_where=sa.text('email IS NOT NULL'))
    op.create_index('uq_customers_merchant_id_payer_id', 'customers', ['merchant_id', 'payer_id'], unique=True, postgresql_where=sa.text('payer_id IS NOT NULL'))
    op.create_table('import_runs',
    sa.Column('state', sa.Enum('running', 'stopped', 'done', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('environment', sa.Text(), nullable=False),
    sa.Column('next_page', sa.Integer(), nullable=False),
    sa.Column('plans_read', sa.Integer(), nullable=False),
    sa.Column('seen', sa.Integer(), nullable=False),
    sa.Column('created', sa.Integer(), nullable=False),
    sa.Column('updated', sa.Integer(), nullable=False),
    sa.Column('unreadable', sa.Integer(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('touched_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_import_runs_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_runs'))
    )
    op.create_index(op.f('ix_import_runs_merchant_id'), 'import_runs', ['merchant_id'], unique=False)
    op.create_index('uq_import_runs_unfinished', 'import_runs', ['merchant_id'], unique=True, postgresql_where=sa.text("state <> 'done'"))
    op.create_table('paypal_accounts',
    sa.Column('environment', sa.Text(), nullable=False),
    sa.Column('client_id', sa.Text(), nullable=False),
    sa.Column('secret', sa.LargeBinary(), nullable=False),
    sa.Column('secret_ending', sa.Text(), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.Enum('working', 'refused', 'missing_rights', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('check_result', postgresql.JSONB(), nullable=False),
    sa.Column('broken_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('merchant_told_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('calm_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('token', sa.LargeBinary(), nullable=True),
    sa.Column('token_expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('token_scopes', sa.Text(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_paypal_accounts_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_paypal_accounts')),
    sa.UniqueConstraint('merchant_id', name='uq_paypal_accounts_merchant_id')
    )
    op.create_index(op.f('ix_paypal_accounts_merchant_id'), 'paypal_accounts', ['merchant_id'], unique=False)
    op.create_table('products',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('keep_after_completion', sa.Boolean(), nullable=False),
    sa.Column('keep_after_cancellation', sa.Boolean(), nullable=False),
    sa.Column('stops_at_once', sa.Boolean(), nullable=False),
    sa.Column('kept_while_paused', sa.Boolean(), nullable=False),
    sa.Column('grace_days', sa.Integer(), nullable=False),
    sa.Column('commitment_months', sa.Integer(), nullable=True),
    sa.Column('commitment_binds', sa.Boolean(), nullable=False),
    sa.Column('self_cancellation', sa.Enum('inherit', 'on', 'off', name='self_cancellation', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.CheckConstraint('grace_days BETWEEN 0 AND 365', name=op.f('ck_products_grace_days')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_products_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_products'))
    )
    op.create_index(op.f('ix_products_merchant_id'), 'products', ['merchant_id'], unique=False)
    op.create_table('staff',
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('role', sa.Enum('reader', 'support', 'owner', name='role', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('locale', sa.Text(), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=False),
    sa.Column('totp_secret', sa.LargeBinary(), nullable=False),
    sa.Column('totp_last_step', sa.Integer(), nullable=False),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_staff_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff')),
    sa.UniqueConstraint('email', name=op.f('uq_staff_email'))
    )
    op.create_index(op.f('ix_staff_merchant_id'), 'staff', ['merchant_id'], unique=False)
    op.create_table('grants',
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_grants_customer_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_grants_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_grants_product_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grants'))
    )
    op.create_index(op.f('ix_grants_customer_id'), 'grants', ['customer_id'], unique=False)
    op.create_index(op.f('ix_grants_merchant_id'), 'grants', ['merchant_id'], unique=False)
    op.create_index(op.f('ix_grants_product_id'), 'grants', ['product_id'], unique=False)
    op.create_table('login_challenges',
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=True),
    sa.Column('code_hash', sa.Text(), nullable=False),
    sa.Column('link_hash', sa.Text(), nullable=False),
    sa.Column('browser_hash', sa.Text(), nullable=False),
    sa.Column('next_path', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('consumed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_login_challenges_customer_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_login_challenges_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_login_challenges')),
    sa.UniqueConstraint('link_hash', name=op.f('uq_login_challenges_link_hash'))
    )
    op.create_index(op.f('ix_login_challenges_browser_hash'), 'login_challenges', ['browser_hash'], unique=False)
    op.create_index(op.f('ix_login_challenges_merchant_id'), 'login_challenges', ['merchant_id'], unique=False)
    op.create_table('plans',
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('environment', sa.Text(), nullable=False),
    sa.Column('provider_id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('amount', sa.Numeric(precision=18, scale=4), nullable=True),
    sa.Column('currency', sa.Text(), nullable=True),
    sa.Column('interval_unit', sa.Text(), nullable=True),
    sa.Column('interval_count', sa.Integer(), nullable=False),
    sa.Column('total_cycles', sa.Integer(), nullable=False),
    sa.Column('failure_threshold', sa.Integer(), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_plans_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_plans_product_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plans')),
    sa.UniqueConstraint('merchant_id', 'environment', 'provider_id', name='uq_plans_provider_id')
    )
    op.create_index(op.f('ix_plans_merchant_id'), 'plans', ['merchant_id'], unique=False)
    op.create_index(op.f('ix_plans_product_id'), 'plans', ['product_id'], unique=False)
    op.create_table('product_contents',
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('unlock_after_days', sa.Integer(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.CheckConstraint('unlock_after_days >= 0', name=op.f('ck_product_contents_unlock_after_days')),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_product_contents_product_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product_contents'))
    )
    op.create_index(op.f('ix_product_contents_product_id'), 'product_contents', ['product_id'], unique=False)
    op.create_table('recovery_codes',
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('code_hash', sa.Text(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_recovery_codes_staff_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recovery_codes')),
    sa.UniqueConstraint('code_hash', name=op.f('uq_recovery_codes_code_hash'))
    )
    op.create_index(op.f('ix_recovery_codes_staff_id'), 'recovery_codes', ['staff_id'], unique=False)
    op.create_table('sessions',
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=True),
    sa.Column('staff_id', sa.Uuid(), nullable=True),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('browser', sa.Text(), nullable=False),
    sa.Column('network', sa.Text(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.CheckConstraint('(customer_id IS NULL) <> (staff_id IS NULL)', name=op.f('ck_sessions_one_person')),
    sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_sessions_customer_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_sessions_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_sessions_staff_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sessions')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_sessions_token_hash'))
    )
    op.create_index(op.f('ix_sessions_customer_id'), 'sessions', ['customer_id'], unique=False)
    op.create_index(op.f('ix_sessions_merchant_id'), 'sessions', ['merchant_id'], unique=False)
    op.create_index(op.f('ix_sessions_staff_id'), 'sessions', ['staff_id'], unique=False)
    op.create_table('subscriptions',
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('plan_id', sa.Uuid(), nullable=True),
    sa.Column('status', sa.Enum('pending', 'active', 'past_due', 'paused', 'completed', 'cancelled', 'abandoned', name='status', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('provider', sa.Enum('paypal_rest', 'paypal_classic', name='provider', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('provider_id', sa.Text(), nullable=False),
    sa.Column('environment', sa.Text(), nullable=False),
    sa.Column('provider_status', sa.Text(), nullable=False),
    sa.Column('provider_status_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('provider_read_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('failed_payments', sa.Integer(), nullable=False),
    sa.Column('failure_threshold', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('committed_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('next_payment_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('amount', sa.Numeric(precision=18, scale=4), nullable=True),
    sa.Column('currency', sa.Text(), nullable=True),
    sa.Column('interval_unit', sa.Text(), nullable=True),
    sa.Column('interval_count', sa.Integer(), nullable=False),
    sa.Column('last_payment_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('past_due_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paid_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('access_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_requested_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('stopped_at_provider_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('relaunch_allowed', sa.Boolean(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.CheckConstraint("(status IN ('completed', 'cancelled', 'abandoned')) = (ended_at IS NOT NULL)", name=op.f('ck_subscriptions_ended_has_a_date')),
    sa.CheckConstraint("status <> 'abandoned' OR NOT relaunch_allowed", name=op.f('ck_subscriptions_abandoned_is_never_invited')),
    sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_subscriptions_customer_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_subscriptions_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['plan_id'], ['plans.id'], name=op.f('fk_subscriptions_plan_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_subscriptions_product_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subscriptions')),
    sa.UniqueConstraint('merchant_id', 'environment', 'provider_id', name='uq_subscriptions_provider_id')
    )
    op.create_index(op.f('ix_subscriptions_customer_id'), 'subscriptions', ['customer_id'], unique=False)
    op.create_index(op.f('ix_subscriptions_merchant_id'), 'subscriptions', ['merchant_id'], unique=False)
    op.create_index('ix_subscriptions_merchant_id_created_at', 'subscriptions', ['merchant_id', 'created_at', 'id'], unique=False)
    op.create_index('ix_subscriptions_merchant_id_status', 'subscriptions', ['merchant_id', 'status', 'created_at', 'id'], unique=False)
    op.create_index(op.f('ix_subscriptions_plan_id'), 'subscriptions', ['plan_id'], unique=False)
    op.create_index(op.f('ix_subscriptions_product_id'), 'subscriptions', ['product_id'], unique=False)
    op.create_table('end_requests',
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('reference', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('recorded', 'calling', 'verifying', 'retrying', 'needs_merchant', 'confirmed', 'closed', 'withdrawn', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('outcome', sa.Enum('pending', 'active', 'past_due', 'paused', 'completed', 'cancelled', 'abandoned', name='outcome', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('actor', sa.Enum('customer', 'staff', 'system', 'provider', name='actor', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('actor_name', sa.Text(), nullable=False),
    sa.Column('channel', sa.Enum('portal', 'staff', 'provider', 'public_page', 'bulk', 'api', name='channel', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('reason_code', sa.Text(), nullable=False),
    sa.Column('reason_text', sa.Text(), nullable=False),
    sa.Column('provider_note', sa.Text(), nullable=False),
    sa.Column('shown', postgresql.JSONB(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('facts_before', postgresql.JSONB(), nullable=True),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('trouble', sa.Enum('unavailable', 'rate_limited', 'still_live', 'bad_credentials', 'forbidden', 'not_found', 'account_closed', 'no_key', 'unknown_word', 'refused', name='trouble', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('answer', postgresql.JSONB(), nullable=True),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('overdue_told_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('basis', sa.Enum('read_after_call', 'already_over', 'never_started', 'local', name='basis', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.CheckConstraint("outcome IN ('abandoned', 'cancelled', 'completed')", name=op.f('ck_end_requests_outcome_is_an_end')),
    sa.CheckConstraint("state NOT IN ('confirmed', 'closed') OR confirmed_at IS NOT NULL", name=op.f('ck_end_requests_confirmed_has_a_date')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_end_requests_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_end_requests_subscription_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_end_requests')),
    sa.UniqueConstraint('reference', name=op.f('uq_end_requests_reference'))
    )
    op.create_index(op.f('ix_end_requests_merchant_id'), 'end_requests', ['merchant_id'], unique=False)
    op.create_index('ix_end_requests_confirmed', 'end_requests', ['id'], unique=False, postgresql_where=sa.text("state = 'confirmed'"))
    op.create_index('ix_end_requests_merchant_id_state', 'end_requests', ['merchant_id', 'state', 'created_at'], unique=False)
    op.create_index(op.f('ix_end_requests_subscription_id'), 'end_requests', ['subscription_id'], unique=False)
    op.create_index('uq_end_requests_open', 'end_requests', ['subscription_id'], unique=True, postgresql_where=sa.text("state IN ('calling', 'needs_merchant', 'recorded', 'retrying', 'verifying')"))
    op.create_table('timeline_entries',
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.Enum('imported', 'status_seen', 'unknown_word', 'end_requested', 'end_withdrawn', 'needs_merchant', 'ended', 'marked_abandoned', 'closed', name='kind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('actor', sa.Enum('customer', 'staff', 'system', 'provider', name='actor', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('actor_name', sa.Text(), nullable=False),
    sa.Column('channel', sa.Enum('portal', 'staff', 'provider', 'public_page', 'bulk', 'api', name='channel', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('details', postgresql.JSONB(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_timeline_entries_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_timeline_entries_subscription_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_timeline_entries')),
    sa.UniqueConstraint('subscription_id', 'kind', 'key', name='uq_timeline_entries_fact')
    )
    op.create_index(op.f('ix_timeline_entries_merchant_id'), 'timeline_entries', ['merchant_id'], unique=False)
    op.create_index('ix_timeline_entries_subscription_id_at', 'timeline_entries', ['subscription_id', 'at'], unique=False)
    op.create_table('mails',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('language', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.Column('message_id', sa.Text(), nullable=False),
    sa.Column('end_request_id', sa.Uuid(), nullable=True),
    sa.Column('state', sa.Enum('waiting', 'sent', 'refused', 'superseded', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('send_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['end_request_id'], ['end_requests.id'], name=op.f('fk_mails_end_request_id')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_mails_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mails')),
    sa.UniqueConstraint('key', name=op.f('uq_mails_key')),
    sa.UniqueConstraint('message_id', name=op.f('uq_mails_message_id'))
    )
    op.create_index(op.f('ix_mails_end_request_id'), 'mails', ['end_request_id'], unique=False)
    op.create_index(op.f('ix_mails_merchant_id'), 'mails', ['merchant_id'], unique=False)
    op.create_index('ix_mails_refused', 'mails', ['merchant_id', 'created_at'], unique=False, postgresql_where=sa.text("state = 'refused'"))
    op.create_index('ix_mails_waiting', 'mails', ['send_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))


def downgrade() -> None:
    op.drop_index('ix_mails_waiting', table_name='mails', postgresql_where=sa.text("state = 'waiting'"))
    op.drop_index('ix_mails_refused', table_name='mails', postgresql_where=sa.text("state = 'refused'"))
    op.drop_index(op.f('ix_mails_merchant_id'), table_name='mails')
    op.drop_index(op.f('ix_mails_end_request_id'), table_name='mails')
    op.drop_table('mails')
    op.drop_index('ix_timeline_entries_subscription_id_at', table_name='timeline_entries')
    op.drop_index(op.f('ix_timeline_entries_merchant_id'), table_name='timeline_entries')
    op.drop_table('timeline_entries')
    op.drop_index('uq_end_requests_open', table_name='end_requests', postgresql_where=sa.text("state IN ('calling', 'needs_merchant', 'recorded', 'retrying', 'verifying')"))
    op.drop_index(op.f('ix_end_requests_subscription_id'), table_name='end_requests')
    op.drop_index('ix_end_requests_confirmed', table_name='end_requests', postgresql_where=sa.text("state = 'confirmed'"))
    op.drop_index('ix_end_requests_merchant_id_state', table_name='end_requests')
    op.drop_index(op.f('ix_end_requests_merchant_id'), table_name='end_requests')
    op.drop_table('end_requests')
    op.drop_index(op.f('ix_subscriptions_product_id'), table_name='subscriptions')
    op.drop_index(op.f('ix_subscriptions_plan_id'), table_name='subscriptions')
    op.drop_index('ix_subscriptions_merchant_id_status', table_name='subscriptions')
    op.drop_index('ix_subscriptions_merchant_id_created_at', table_name='subscriptions')
    op.drop_index(op.f('ix_subscriptions_merchant_id'), table_name='subscriptions')
    op.drop_index(op.f('ix_subscriptions_customer_id'), table_name='subscriptions')
    op.drop_table('subscriptions')
    op.drop_index(op.f('ix_sessions_staff_id'), table_name='sessions')
    op.drop_index(op.f('ix_sessions_merchant_id'), table_name='sessions')
    op.drop_index(op.f('ix_sessions_customer_id'), table_name='sessions')
    op.drop_table('sessions')
    op.drop_index(op.f('ix_recovery_codes_staff_id'), table_name='recovery_codes')
    op.drop_table('recovery_codes')
    op.drop_index(op.f('ix_product_contents_product_id'), table_name='product_contents')
    op.drop_table('product_contents')
    op.drop_index(op.f('ix_plans_product_id'), table_name='plans')
    op.drop_index(op.f('ix_plans_merchant_id'), table_name='plans')
    op.drop_table('plans')
    op.drop_index(op.f('ix_login_challenges_merchant_id'), table_name='login_challenges')
    op.drop_index(op.f('ix_login_challenges_browser_hash'), table_name='login_challenges')
    op.drop_table('login_challenges')
    op.drop_index(op.f('ix_grants_product_id'), table_name='grants')
    op.drop_index(op.f('ix_grants_merchant_id'), table_name='grants')
    op.drop_index(op.f('ix_grants_customer_id'), table_name='grants')
    op.drop_table('grants')
    op.drop_index(op.f('ix_staff_merchant_id'), table_name='staff')
    op.drop_table('staff')
    op.drop_index(op.f('ix_products_merchant_id'), table_name='products')
    op.drop_table('products')
    op.drop_index(op.f('ix_paypal_accounts_merchant_id'), table_name='paypal_accounts')
    op.drop_table('paypal_accounts')
    op.drop_index('uq_import_runs_unfinished', table_name='import_runs', postgresql_where=sa.text("state <> 'done'"))
    op.drop_index(op.f('ix_import_runs_merchant_id'), table_name='import_runs')
    op.drop_table('import_runs')
    op.drop_index('uq_customers_merchant_id_payer_id', table_name='customers', postgresql_where=sa.text('payer_id IS NOT NULL'))
    op.drop_index('uq_customers_merchant_id_email', table_name='customers', postgresql_where=sa.text('email IS NOT NULL'))
    op.drop_index('ix_customers_merchant_id_name', table_name='customers')
    op.drop_index(op.f('ix_customers_merchant_id'), table_name='customers')
    op.drop_table('customers')
    op.drop_table('throttles')
    op.drop_table('merchants')
