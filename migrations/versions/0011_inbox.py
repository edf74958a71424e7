"""What needs the merchant: requests that came by other ways, what was seen, what was told."""

from alembic import op
import sqlalchemy as sa

revision = '0011'
down_revision = '0010'

ENDS = "corrected AND seen_at IS NULL AND after ->> 'status' IN ('completed', 'cancelled', 'abandoned')"
DATE_UNKNOWN = 'ended_at IS NOT NULL AND paid_until IS NULL AND access_until IS NULL'
SEEN = ('comparison_differences', 'mails')


def upgrade() -> None:
    op.create_table('received_requests',
    sa.Column('reference', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('way', sa.Enum('letter', 'email', 'telephone', 'account_page', 'other', name='way', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('contract', sa.Text(), nullable=False),
    sa.Column('wished_on', sa.Date(), nullable=True),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('recorded_by', sa.Text(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=True),
    sa.Column('state', sa.Enum('open', 'matched', 'dismissed', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('end_request_id', sa.Uuid(), nullable=True),
    sa.Column('dismissal', sa.Text(), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled_by', sa.Text(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.CheckConstraint("state <> 'matched' OR end_request_id IS NOT NULL", name=op.f('ck_received_requests_matched_has_a_request')),
    sa.CheckConstraint("state <> 'dismissed' OR dismissal <> ''", name=op.f('ck_received_requests_dismissed_has_a_reason')),
    sa.CheckConstraint("(state = 'open') = (settled_at IS NULL)", name=op.f('ck_received_requests_settled_has_a_date')),
    sa.ForeignKeyConstraint(['end_request_id'], ['end_requests.id'], name=op.f('fk_received_requests_end_request_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_received_requests_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_received_requests_subscription_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_received_requests')),
    sa.UniqueConstraint('reference', name=op.f('uq_received_requests_reference'))
    )
    op.create_index(op.f('ix_received_requests_end_request_id'), 'received_requests', ['end_request_id'], unique=False)
    op.create_index(op.f('ix_received_requests_merchant_id'), 'received_requests', ['merchant_id'], unique=False)
    op.create_index('ix_received_requests_open', 'received_requests', ['merchant_id', 'received_at'], unique=False, postgresql_where=sa.text("state = 'open'"))
    op.create_index(op.f('ix_received_requests_subscription_id'), 'received_requests', ['subscription_id'], unique=False)
    op.create_table('merchant_news',
    sa.Column('kind', sa.Enum('requested', 'needs_you', 'overdue', 'late', name='kind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('end_request_id', sa.Uuid(), nullable=True),
    sa.Column('mail_id', sa.Uuid(), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['end_request_id'], ['end_requests.id'], name=op.f('fk_merchant_news_end_request_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['mail_id'], ['mails.id'], name=op.f('fk_merchant_news_mail_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_merchant_news_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_merchant_news')),
    sa.UniqueConstraint('key', name=op.f('uq_merchant_news_key'))
    )
    op.create_index(op.f('ix_merchant_news_end_request_id'), 'merchant_news', ['end_request_id'], unique=False)
    op.create_index('ix_merchant_news_told', 'merchant_news', ['merchant_id', 'kind', 'created_at'], unique=False)
    op.create_index('ix_merchant_news_mail_id', 'merchant_news', ['mail_id'], unique=False)
    op.create_index(op.f('ix_merchant_news_merchant_id'), 'merchant_news', ['merchant_id'], unique=False)
    for table in SEEN:
        op.add_column(table, sa.Column('seen_at', sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column('seen_by', sa.Text(), server_default='', nullable=False))
    op.create_index('ix_comparison_differences_ends', 'comparison_differences', ['merchant_id', 'at'], unique=False, postgresql_where=sa.text(ENDS))
    op.create_index('ix_subscriptions_date_unknown', 'subscriptions', ['merchant_id', 'ended_at'], unique=False, postgresql_where=sa.text(DATE_UNKNOWN))
    op.create_index('ix_paypal_events_failed', 'paypal_events', ['merchant_id', 'received_at'], unique=False, postgresql_where=sa.text("state = 'failed'"))


def downgrade() -> None:
    op.drop_index('ix_paypal_events_failed', table_name='paypal_events')
    op.drop_index('ix_subscriptions_date_unknown', table_name='subscriptions')
    op.drop_index('ix_comparison_differences_ends', table_name='comparison_differences')
    for table in SEEN:
        op.drop_column(table, 'seen_by')
        op.drop_column(table, 'seen_at')
    op.drop_table('merchant_news')
    op.drop_table('received_requests')
