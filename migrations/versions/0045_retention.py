"""Each merchant keeps things for as long as one table says; every night tells what it erased."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0045'
down_revision = '0044'

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column('merchants', sa.Column('retention', postgresql.JSONB(), nullable=False, server_default='{}'))
    # The default stays: a process of the older version that still runs does not know the column.
    op.create_table(
        'retention_runs',
        sa.Column('counts', postgresql.JSONB(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_retention_runs_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_retention_runs')),
    )
    op.create_index(op.f('ix_retention_runs_merchant_id'), 'retention_runs', ['merchant_id'])
    op.create_index('ix_retention_runs_merchant_id_created_at', 'retention_runs', ['merchant_id', 'created_at'])


def downgrade() -> None:
    op.drop_table('retention_runs')
    op.drop_column('merchants', 'retention')
