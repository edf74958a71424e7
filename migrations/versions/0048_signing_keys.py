"""The keys that sign access tokens; lists of the API by date."""

from alembic import op
import sqlalchemy as sa

revision = '0048'
down_revision = '0047'


def upgrade() -> None:
    op.create_table(
        'signing_keys',
        sa.Column('signs_from', sa.DateTime(timezone=True), nullable=False),
        sa.Column('public_key', sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column('private_key', sa.LargeBinary(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signing_keys')),
        sa.UniqueConstraint('signs_from', name=op.f('uq_signing_keys_signs_from')),
    )
    op.create_index('ix_customers_merchant_id_created_at', 'customers', ['merchant_id', 'created_at', 'id'])
    op.create_index('ix_payments_merchant_id_paid_at', 'payments', ['merchant_id', 'paid_at', 'id'])
    op.create_index('ix_end_requests_merchant_id_created_at', 'end_requests', ['merchant_id', 'created_at', 'id'])


def downgrade() -> None:
    op.drop_index('ix_end_requests_merchant_id_created_at', 'end_requests')
    op.drop_index('ix_payments_merchant_id_paid_at', 'payments')
    op.drop_index('ix_customers_merchant_id_created_at', 'customers')
    op.drop_table('signing_keys')
