"""The proof of an end, as stored facts."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    # Ends confirmed before have no row: the aging job makes theirs from what is known today.
    op.create_table(
        'proofs',
        sa.Column('end_request_id', sa.Uuid(), nullable=False),
        sa.Column('code', sa.Text(), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('facts', postgresql.JSONB(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("code ~ '^[ABCDEFGHJKLMNPQRSTUVWXYZ23456789]{8}$'", name=op.f('ck_proofs_code_is_speakable')),
        sa.ForeignKeyConstraint(['end_request_id'], ['end_requests.id'], name=op.f('fk_proofs_end_request_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_proofs_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_proofs')),
        sa.UniqueConstraint('end_request_id', name=op.f('uq_proofs_end_request_id')),
    )
    op.create_index(op.f('ix_proofs_merchant_id'), 'proofs', ['merchant_id'])


def downgrade() -> None:
    op.drop_table('proofs')
