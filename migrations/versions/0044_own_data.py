"""Customers take their data with them, or have it erased."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0044'
down_revision = '0043'

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column('customers', sa.Column('seen_at', MOMENT, nullable=True))
    op.add_column('customers', sa.Column('erased_at', MOMENT, nullable=True))
    op.add_column('end_requests', sa.Column('archived_at', MOMENT, nullable=True))
    op.create_table(
        'data_exports',
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('state', sa.String(40), nullable=False),
        sa.Column('language', sa.Text(), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=True),
        sa.Column('size', sa.Integer(), nullable=False),
        sa.Column('ready_at', MOMENT, nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'ready')", name=op.f('ck_data_exports_state')),
        sa.CheckConstraint("(state = 'ready') = (content IS NOT NULL AND ready_at IS NOT NULL)", name=op.f('ck_data_exports_ready_is_whole')),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_data_exports_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_data_exports_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_data_exports')),
    )
    op.create_index(op.f('ix_data_exports_customer_id'), 'data_exports', ['customer_id'])
    op.create_index(op.f('ix_data_exports_merchant_id'), 'data_exports', ['merchant_id'])
    op.create_index(op.f('ix_data_exports_ready_at'), 'data_exports', ['ready_at'])
    op.create_index('uq_data_exports_waiting', 'data_exports', ['customer_id'], unique=True, postgresql_where=sa.text("state = 'waiting'"))
    op.create_table(
        'customer_erasures',
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('reference', sa.Text(), nullable=False),
        sa.Column('state', sa.String(40), nullable=False),
        sa.Column('due_at', MOMENT, nullable=False),
        sa.Column('ends', postgresql.JSONB(), nullable=False),
        sa.Column('counts', postgresql.JSONB(), nullable=False),
        sa.Column('withdrawn_at', MOMENT, nullable=True),
        sa.Column('done_at', MOMENT, nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'done', 'withdrawn')", name=op.f('ck_customer_erasures_state')),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name=op.f('ck_customer_erasures_done_has_a_date')),
        sa.CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name=op.f('ck_customer_erasures_withdrawn_has_a_date')),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_customer_erasures_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_customer_erasures_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_customer_erasures')),
        sa.UniqueConstraint('reference', name=op.f('uq_customer_erasures_reference')),
    )
    op.create_index(op.f('ix_customer_erasures_customer_id'), 'customer_erasures', ['customer_id'])
    op.create_index(op.f('ix_customer_erasures_merchant_id'), 'customer_erasures', ['merchant_id'])
    op.create_index('uq_customer_erasures_open', 'customer_erasures', ['customer_id'], unique=True, postgresql_where=sa.text("state = 'open'"))
    op.create_table(
        'erased_payers',
        sa.Column('payer_hash', sa.Text(), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('erased_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_erased_payers_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_erased_payers_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('payer_hash', name=op.f('pk_erased_payers')),
    )
    op.create_index(op.f('ix_erased_payers_customer_id'), 'erased_payers', ['customer_id'])
    op.create_index(op.f('ix_erased_payers_merchant_id'), 'erased_payers', ['merchant_id'])


def downgrade() -> None:
    for table in ('erased_payers', 'customer_erasures', 'data_exports'):
        op.drop_table(table)
    op.drop_column('end_requests', 'archived_at')
    op.drop_column('customers', 'erased_at')
    op.drop_column('customers', 'seen_at')
