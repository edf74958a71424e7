"""What customers ask to have taken of an outstanding balance; what happens of it in their timeline."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0043'
down_revision = '0042'

MOMENT = sa.DateTime(timezone=True)
STATES = ('recorded', 'calling', 'verifying', 'retrying', 'needs_merchant', 'done', 'failed')
REFUSALS = (
    'sum_changed', 'declined', 'payer_account', 'account_closed', 'ending', 'status', 'no_link', 'no_answer',
    'not_taken', 'refused',
)
TROUBLES = (
    'unavailable', 'rate_limited', 'still_live', 'bad_credentials', 'forbidden', 'not_found', 'account_closed',
    'no_key', 'unknown_word', 'refused',
)
OPEN = sa.text("state IN ('calling', 'needs_merchant', 'recorded', 'retrying', 'verifying')")
FACTS = (
    'imported', 'status_seen', 'unknown_word', 'notified', 'notification_closed', 'end_requested', 'end_withdrawn',
    'needs_merchant', 'ended', 'marked_abandoned', 'closed', 'end_late', 'date_given', 'late_payment',
    'refund_requested', 'refunded', 'refund_failed', 'pause_requested', 'paused', 'resume_requested', 'resumed',
    'pause_refused', 'pause_withdrawn', 'comeback_started', 'comeback_approved', 'comeback_given_up', 'mail_returned',
)
SETTLING = ('settlement_requested', 'settled', 'settlement_failed')


def upgrade() -> None:
    op.create_table(
        'settlements',
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('amount', sa.Numeric(18, 4), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('state', _words('state', STATES), nullable=False),
        sa.Column('accepted_at', MOMENT, nullable=True),
        sa.Column('provider_id', sa.Text(), nullable=False),
        sa.Column('closed_at', MOMENT, nullable=True),
        sa.Column('failed_for', _words('failed_for', REFUSALS), nullable=True),
        sa.Column('claimed_at', MOMENT, nullable=True),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('sent_at', MOMENT, nullable=True),
        sa.Column('trouble', _words('trouble', TROUBLES), nullable=True),
        sa.Column('answer', postgresql.JSONB(), nullable=True),
        sa.Column('next_try_at', MOMENT, nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('amount > 0', name=op.f('ck_settlements_amount')),
        sa.CheckConstraint("(state IN ('done', 'failed')) = (closed_at IS NOT NULL)", name=op.f('ck_settlements_closed_has_a_date')),
        sa.CheckConstraint("(state = 'failed') = (failed_for IS NOT NULL)", name=op.f('ck_settlements_failed_has_a_reason')),
        sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_settlements_subscription_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_settlements_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_settlements')),
    )
    op.create_index('uq_settlements_open', 'settlements', ['subscription_id'], unique=True, postgresql_where=OPEN)
    op.create_index('ix_settlements_next_try_at', 'settlements', ['next_try_at'], postgresql_where=OPEN)
    op.create_index('ix_settlements_subscription_id', 'settlements', ['subscription_id'])
    op.create_index(op.f('ix_settlements_merchant_id'), 'settlements', ['merchant_id'])
    _allow(FACTS + SETTLING)


def downgrade() -> None:
    op.execute("DELETE FROM timeline_entries WHERE kind IN ('settlement_requested', 'settled', 'settlement_failed')")
    _allow(FACTS)
    op.drop_table('settlements')


def _words(name, words):
    return sa.Enum(*words, name=name, native_enum=False, length=40, create_constraint=True)


def _allow(facts) -> None:
    """Let a timeline hold those facts: writers obey from now on, the rows there are looked at without a lock that waits."""
    listed = ', '.join(f"'{fact}'" for fact in facts)
    op.execute('ALTER TABLE timeline_entries DROP CONSTRAINT IF EXISTS ck_timeline_entries_kind')
    op.execute(f'ALTER TABLE timeline_entries ADD CONSTRAINT ck_timeline_entries_kind CHECK (kind IN ({listed})) NOT VALID')
    op.execute('ALTER TABLE timeline_entries VALIDATE CONSTRAINT ck_timeline_entries_kind')
