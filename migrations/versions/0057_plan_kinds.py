"""The kind of contract that a plan makes; reminders of tacit renewals with their proof, and what is owed without one."""

from alembic import op
import sqlalchemy as sa

revision = '0057'
down_revision = '0056'

MOMENT = sa.DateTime(timezone=True)
KINDS = ('open_ended', 'tacit_renewal', 'instalments')
STATES = ('waiting', 'sent', 'failed', 'letter', 'missed', 'start_unknown')
REMINDERS, REFUNDS = 'renewal_reminders', 'renewal_refunds'


def upgrade() -> None:
    # The defaults stay: a process of the older version that still runs does not know the columns.
    op.add_column('plans', sa.Column('kind', _words('kind', KINDS), server_default='open_ended', nullable=False))
    op.add_column('plans', sa.Column('kind_answered_at', MOMENT, nullable=True))
    op.add_column('plans', sa.Column('term_months', sa.Integer(), nullable=True))
    op.add_column('plans', sa.Column('term_notice_days', sa.Integer(), nullable=True))
    op.add_column('plans', sa.Column('supply', _words('supply', ('continuing', 'at_once')), nullable=True))
    for name, rule in (
        ('term', "kind = 'tacit_renewal' OR (term_months IS NULL AND term_notice_days IS NULL)"),
        ('a_renewal_has_a_term', "kind <> 'tacit_renewal' OR (term_months IS NOT NULL AND term_notice_days IS NOT NULL AND term_months BETWEEN 1 AND 60 AND term_notice_days BETWEEN 1 AND 365)"),
        ('instalments_pay_for_something', "(kind = 'instalments') = (supply IS NOT NULL)"),
    ):
        op.create_check_constraint(op.f(f'ck_plans_{name}'), 'plans', rule)
    op.add_column('subscriptions', sa.Column('term_from', sa.Date(), nullable=True))
    op.add_column('subscriptions', sa.Column('free_from', MOMENT, nullable=True))
    _create_reminders()
    _create_refunds()


def downgrade() -> None:
    op.drop_table(REFUNDS)
    op.drop_table(REMINDERS)
    for name in ('free_from', 'term_from'):
        op.drop_column('subscriptions', name)
    for name in ('supply', 'term_notice_days', 'term_months', 'kind_answered_at', 'kind'):
        op.drop_column('plans', name)


def _words(name, words):
    return sa.Enum(*words, name=name, native_enum=False, length=40, create_constraint=True)


def _merchant(table):
    return (
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f(f'fk_{table}_merchant_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f(f'fk_{table}_subscription_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{table}')),
    )


def _create_reminders() -> None:
    days = ('begins_on', 'renews_on', 'deadline_on', 'opens_on', 'closes_on', 'letter_on')
    texts = ('message_id', 'address', 'template', 'failure', 'settled_by')
    op.create_table(
        REMINDERS,
        sa.Column('state', _words('state', STATES), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        *(sa.Column(day, sa.Date(), nullable=True) for day in days),
        sa.Column('mail_id', sa.Uuid(), nullable=True),
        sa.Column('sendings', sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        *(sa.Column(name, MOMENT, nullable=True) for name in ('sent_at', 'failed_at', 'settled_at')),
        sa.CheckConstraint("(state = 'start_unknown') = (renews_on IS NULL)", name=op.f('ck_renewal_reminders_only_an_unknown_start_has_no_day')),
        sa.CheckConstraint("(state = 'letter') = (letter_on IS NOT NULL)", name=op.f('ck_renewal_reminders_a_letter_has_a_day')),
        sa.ForeignKeyConstraint(['mail_id'], ['mails.id'], name=op.f('fk_renewal_reminders_mail_id'), ondelete='SET NULL'),
        sa.UniqueConstraint('subscription_id', 'renews_on', name='uq_renewal_reminders_renewal'),
        *_merchant(REMINDERS),
    )
    op.create_index(op.f('ix_renewal_reminders_merchant_id'), REMINDERS, ['merchant_id'])
    op.create_index('ix_renewal_reminders_mail_id', REMINDERS, ['mail_id'])
    op.create_index('uq_renewal_reminders_start_unknown', REMINDERS, ['subscription_id'], unique=True, postgresql_where=sa.text("state = 'start_unknown'"))
    op.create_index(
        'ix_renewal_reminders_waiting', REMINDERS, ['merchant_id', 'created_at'],
        postgresql_where=sa.text("settled_at IS NULL AND state IN ('failed', 'missed', 'start_unknown')"),
    )


def _create_refunds() -> None:
    op.create_table(
        REFUNDS,
        sa.Column('end_request_id', sa.Uuid(), nullable=False),
        sa.Column('payment_id', sa.Uuid(), nullable=False),
        sa.Column('amount', sa.Numeric(18, 4), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('renewed_at', MOMENT, nullable=False),
        sa.Column('left_before', sa.Numeric(18, 4), nullable=False),
        sa.Column('due_at', MOMENT, nullable=False),
        sa.Column('settled_at', MOMENT, nullable=True),
        sa.Column('settled_by', sa.Text(), nullable=False),
        sa.CheckConstraint('amount > 0', name=op.f('ck_renewal_refunds_amount')),
        sa.ForeignKeyConstraint(['end_request_id'], ['end_requests.id'], name=op.f('fk_renewal_refunds_end_request_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['payment_id'], ['payments.id'], name=op.f('fk_renewal_refunds_payment_id'), ondelete='RESTRICT'),
        sa.UniqueConstraint('end_request_id', name=op.f('uq_renewal_refunds_end_request_id')),
        *_merchant(REFUNDS),
    )
    op.create_index(op.f('ix_renewal_refunds_merchant_id'), REFUNDS, ['merchant_id'])
    op.create_index(op.f('ix_renewal_refunds_payment_id'), REFUNDS, ['payment_id'])
    op.create_index('ix_renewal_refunds_subscription_id', REFUNDS, ['subscription_id'])
    op.create_index('ix_renewal_refunds_waiting', REFUNDS, ['merchant_id', 'due_at'], postgresql_where=sa.text('settled_at IS NULL'))
