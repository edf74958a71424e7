"""Withdrawals from contracts with the refunds they make due, and what was agreed when a contract began."""

from alembic import op
import sqlalchemy as sa

revision = '0059'
down_revision = '0058'

MOMENT = sa.DateTime(timezone=True)
FACTS = (
    'imported', 'status_seen', 'unknown_word', 'notified', 'notification_closed', 'end_requested', 'end_withdrawn',
    'needs_merchant', 'ended', 'marked_abandoned', 'closed', 'end_late', 'date_given', 'late_payment',
    'refund_requested', 'refunded', 'refund_failed', 'settlement_requested', 'settled', 'settlement_failed',
    'pause_requested', 'paused', 'resume_requested', 'resumed', 'pause_refused', 'pause_withdrawn', 'comeback_started',
    'comeback_approved', 'comeback_given_up', 'mail_returned',
)
WITHDRAWING = ('withdrawn', 'withdrawal_closed', 'consent_recorded')
CHANNELS = ('portal', 'staff', 'provider', 'public_page', 'bulk', 'api', 'portal_session')
KINDS = ('informed', 'express_request', 'waiver', 'waiver_confirmed', 'charge_told')


def _words(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _merchant(table: str) -> tuple:
    return (
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f(f'fk_{table}_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{table}')),
    )


def _refers(table: str, column: str, to: str, ondelete: str = 'RESTRICT') -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{to}.id'], name=op.f(f'fk_{table}_{column}'), ondelete=ondelete)


def upgrade() -> None:
    op.execute('ALTER TABLE subscriptions ADD COLUMN withdrawn_at timestamptz')
    op.add_column('end_requests', sa.Column('cause', _words('withdrawn', name='cause'), nullable=True))
    # The default stays: a process of the older version that still runs does not know the column.
    op.add_column(
        'received_requests',
        sa.Column('function', _words('cancellation', 'withdrawal', name='function'), server_default='cancellation', nullable=False),
    )
    op.add_column('received_requests', sa.Column('sent_on', sa.Date(), nullable=True))
    op.create_table(
        'withdrawals',
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('end_request_id', sa.Uuid(), nullable=True),
        sa.Column('received_request_id', sa.Uuid(), nullable=True),
        sa.Column('reference', sa.Text(), nullable=False),
        sa.Column('declared_at', MOMENT, nullable=False),
        sa.Column('verdict', _words('in_time', 'doubtful', 'late', name='verdict'), nullable=False),
        sa.Column('actor', _words('customer', 'staff', 'system', 'provider', name='actor'), nullable=False),
        sa.Column('actor_id', sa.Uuid(), nullable=True),
        sa.Column('actor_name', sa.Text(), nullable=False),
        sa.Column('channel', _words(*CHANNELS, name='channel'), nullable=False),
        sa.Column('owed', sa.Numeric(18, 4), nullable=False),
        sa.Column('due', sa.Numeric(18, 4), nullable=False),
        sa.Column('currency', sa.Text(), nullable=True),
        sa.Column('refund', _words('open', 'refunded', 'otherwise', 'nothing', name='refund'), nullable=False),
        sa.Column('refund_due_at', MOMENT, nullable=False),
        sa.Column('closed_at', MOMENT, nullable=True),
        sa.Column('closed_by', sa.Text(), nullable=False),
        sa.Column('closed_note', sa.Text(), nullable=False),
        sa.CheckConstraint('0 <= owed AND 0 <= due', name=op.f('ck_withdrawals_sums')),
        sa.CheckConstraint('due = 0 OR currency IS NOT NULL', name=op.f('ck_withdrawals_sum_has_a_currency')),
        sa.CheckConstraint("(refund = 'open') = (closed_at IS NULL)", name=op.f('ck_withdrawals_closed_has_a_date')),
        _refers('withdrawals', 'subscription_id', 'subscriptions'),
        _refers('withdrawals', 'end_request_id', 'end_requests'),
        _refers('withdrawals', 'received_request_id', 'received_requests', 'SET NULL'),
        sa.UniqueConstraint('subscription_id', name=op.f('uq_withdrawals_subscription_id')),
        *_merchant('withdrawals'),
    )
    op.create_index(op.f('ix_withdrawals_merchant_id'), 'withdrawals', ['merchant_id'])
    op.create_index(op.f('ix_withdrawals_end_request_id'), 'withdrawals', ['end_request_id'])
    op.create_index(op.f('ix_withdrawals_received_request_id'), 'withdrawals', ['received_request_id'])
    op.create_index('ix_withdrawals_open', 'withdrawals', ['merchant_id', 'refund_due_at'], postgresql_where=sa.text("refund = 'open'"))
    op.create_table(
        'contract_consents',
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('kind', _words(*KINDS, name='kind'), nullable=False),
        sa.Column('is_given', sa.Boolean(), nullable=False),
        sa.Column('at', MOMENT, nullable=False),
        sa.Column('version', sa.Text(), nullable=False),
        sa.Column('way', _words('order_page', 'site', 'email', 'paper', 'other', name='way'), nullable=False),
        sa.Column('recorded_by', sa.Text(), nullable=False),
        _refers('contract_consents', 'subscription_id', 'subscriptions'),
        *_merchant('contract_consents'),
    )
    op.create_index(op.f('ix_contract_consents_merchant_id'), 'contract_consents', ['merchant_id'])
    op.create_index('ix_contract_consents_subscription_id', 'contract_consents', ['subscription_id', 'created_at'])
    _allow(FACTS + WITHDRAWING)


def downgrade() -> None:
    op.execute("DELETE FROM timeline_entries WHERE kind IN ('withdrawn', 'withdrawal_closed', 'consent_recorded')")
    _allow(FACTS)
    op.drop_table('contract_consents')
    op.drop_table('withdrawals')
    op.drop_column('received_requests', 'sent_on')
    op.drop_column('received_requests', 'function')
    op.drop_column('end_requests', 'cause')
    op.drop_column('subscriptions', 'withdrawn_at')


def _allow(facts) -> None:
    """Let a timeline hold those facts: writers obey from now on, the rows there are looked at without a lock that waits."""
    listed = ', '.join(f"'{fact}'" for fact in facts)
    op.execute('ALTER TABLE timeline_entries DROP CONSTRAINT IF EXISTS ck_timeline_entries_kind')
    op.execute(f'ALTER TABLE timeline_entries ADD CONSTRAINT ck_timeline_entries_kind CHECK (kind IN ({listed})) NOT VALID')
    op.execute('ALTER TABLE timeline_entries VALIDATE CONSTRAINT ck_timeline_entries_kind')
