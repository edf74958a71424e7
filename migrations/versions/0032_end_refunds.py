"""What staff decide to give back together with an end; a refund of any payment needs no more than there was."""

from alembic import op
import sqlalchemy as sa

revision = '0032'
down_revision = '0031'


def upgrade() -> None:
    op.create_table(
        'end_refunds',
        sa.Column('end_request_id', sa.Uuid(), nullable=False),
        sa.Column('payment_id', sa.Uuid(), nullable=False),
        sa.Column('refund_id', sa.Uuid(), nullable=True),
        sa.Column('choice', sa.Enum('nothing', 'last_payment', 'unused', name='choice', native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column('state', sa.Enum('waiting', 'asked', 'nothing_left', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column('amount', sa.Numeric(18, 4), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('actor_id', sa.Uuid(), nullable=False),
        sa.Column('actor_name', sa.Text(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('amount > 0', name=op.f('ck_end_refunds_amount')),
        sa.CheckConstraint("(state = 'asked') = (refund_id IS NOT NULL)", name=op.f('ck_end_refunds_asked_has_a_refund')),
        sa.ForeignKeyConstraint(['end_request_id'], ['end_requests.id'], name=op.f('fk_end_refunds_end_request_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_end_refunds_merchant_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['payment_id'], ['payments.id'], name=op.f('fk_end_refunds_payment_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['refund_id'], ['refunds.id'], name=op.f('fk_end_refunds_refund_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_end_refunds')),
        sa.UniqueConstraint('end_request_id', name=op.f('uq_end_refunds_end_request_id')),
    )
    op.create_index(op.f('ix_end_refunds_merchant_id'), 'end_refunds', ['merchant_id'])
    op.create_index(op.f('ix_end_refunds_payment_id'), 'end_refunds', ['payment_id'])
    op.create_index(op.f('ix_end_refunds_refund_id'), 'end_refunds', ['refund_id'])


def downgrade() -> None:
    op.drop_table('end_refunds')
