"""Requests to pause and to resume."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0009'
down_revision = '0008'


def upgrade() -> None:
    op.add_column('products', sa.Column('pause_offered', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('products', sa.Column('pause_longest_days', sa.Integer(), nullable=False, server_default='90'))
    # The models give these values: a default of the table would hide a forgotten one.
    op.alter_column('products', 'pause_offered', server_default=None)
    op.alter_column('products', 'pause_longest_days', server_default=None)
    op.create_check_constraint(op.f('ck_products_pause_longest_days'), 'products', 'pause_longest_days BETWEEN 1 AND 365')
    op.add_column('subscriptions', sa.Column('outstanding', sa.Numeric(precision=18, scale=4), nullable=True))
    op.create_table('pause_requests',
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('pause', 'resume', name='kind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('state', sa.Enum('recorded', 'calling', 'verifying', 'retrying', 'needs_merchant', 'done', 'refused', 'withdrawn', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('actor', sa.Enum('customer', 'staff', 'system', 'provider', name='actor', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('actor_name', sa.Text(), nullable=False),
    sa.Column('channel', sa.Enum('portal', 'staff', 'provider', 'public_page', 'bulk', 'api', name='channel', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('provider_note', sa.Text(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resume_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('trouble', sa.Enum('unavailable', 'rate_limited', 'still_live', 'bad_credentials', 'forbidden', 'not_found', 'account_closed', 'no_key', 'unknown_word', 'refused', name='trouble', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('answer', postgresql.JSONB(), nullable=True),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reminded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('refused_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('refused_for', sa.Enum('over', 'late', 'not_started', 'threshold', 'too_late', name='refused_for', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by_id', sa.Uuid(), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.CheckConstraint("(state = 'refused') = (refused_for IS NOT NULL)", name=op.f('ck_pause_requests_refused_has_a_reason')),
    sa.CheckConstraint("state <> 'done' OR done_at IS NOT NULL", name=op.f('ck_pause_requests_done_has_a_date')),
    sa.CheckConstraint("kind = 'pause' OR resume_at IS NULL", name=op.f('ck_pause_requests_only_a_pause_has_an_end')),
    sa.ForeignKeyConstraint(['ended_by_id'], ['end_requests.id'], name=op.f('fk_pause_requests_ended_by_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_pause_requests_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_pause_requests_subscription_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pause_requests'))
    )
    op.create_index(op.f('ix_pause_requests_ended_by_id'), 'pause_requests', ['ended_by_id'], unique=False)
    op.create_index(op.f('ix_pause_requests_merchant_id'), 'pause_requests', ['merchant_id'], unique=False)
    op.create_index(op.f('ix_pause_requests_subscription_id'), 'pause_requests', ['subscription_id'], unique=False)
    op.create_index('uq_pause_requests_open', 'pause_requests', ['subscription_id', 'kind'], unique=True, postgresql_where=sa.text("state IN ('calling', 'needs_merchant', 'recorded', 'retrying', 'verifying')"))


def downgrade() -> None:
    # A pause that waits for its end is forgotten by the older release: PayPal stays suspended until somebody resumes.
    op.drop_table('pause_requests')
    op.drop_column('subscriptions', 'outstanding')
    op.drop_constraint(op.f('ck_products_pause_longest_days'), 'products', type_='check')
    op.drop_column('products', 'pause_longest_days')
    op.drop_column('products', 'pause_offered')
