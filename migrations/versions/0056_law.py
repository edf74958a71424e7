"""What stands on the merchant's own site; outside time stamps of the audit chain and of proofs."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0056'
down_revision = '0055'

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # The default stays: a process of the older version that still runs does not know the column.
    op.add_column('merchants', sa.Column('placed_links', postgresql.JSONB(), server_default='{}', nullable=False))
    op.create_table(
        'time_stamps',
        sa.Column('number', sa.BigInteger(), nullable=True),
        sa.Column('hash', sa.Text(), nullable=True),
        sa.Column('proof_id', sa.Uuid(), nullable=True),
        sa.Column('reply', sa.LargeBinary(), nullable=True),
        sa.Column('stamped_at', MOMENT, nullable=True),
        sa.Column('next_try_at', MOMENT, nullable=False),
        sa.Column('failed', sa.Integer(), nullable=False),
        sa.Column('problem', sa.Text(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('(number IS NULL) <> (proof_id IS NULL)', name=op.f('ck_time_stamps_of_one_thing')),
        sa.CheckConstraint('(number IS NULL) = (hash IS NULL)', name=op.f('ck_time_stamps_a_row_has_a_hash')),
        sa.CheckConstraint('(reply IS NULL) = (stamped_at IS NULL)', name=op.f('ck_time_stamps_a_reply_has_a_moment')),
        sa.ForeignKeyConstraint(['proof_id'], ['proofs.id'], name=op.f('fk_time_stamps_proof_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_time_stamps_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_time_stamps')),
        sa.UniqueConstraint('merchant_id', 'number', name=op.f('uq_time_stamps_merchant_id_number')),
        sa.UniqueConstraint('proof_id', name=op.f('uq_time_stamps_proof_id')),
    )
    op.create_index(op.f('ix_time_stamps_merchant_id'), 'time_stamps', ['merchant_id'])
    op.create_index('ix_time_stamps_waiting', 'time_stamps', ['next_try_at'], postgresql_where=sa.text('reply IS NULL'))


def downgrade() -> None:
    op.drop_table('time_stamps')
    op.drop_column('merchants', 'placed_links')
