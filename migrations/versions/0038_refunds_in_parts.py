"""How much of a payment was left when a refund was asked for, so that what went back since is not sent again."""

from alembic import op
import sqlalchemy as sa

revision = '0038'
down_revision = '0037'


def upgrade() -> None:
    for table in ('refunds', 'end_refunds'):
        op.add_column(table, sa.Column('left_before', sa.Numeric(18, 4), nullable=True))
        op.execute(f'UPDATE {table} SET left_before = amount')  # so far they were always of all that was left
        op.alter_column(table, 'left_before', nullable=False)
    op.add_column('refunds', sa.Column('given_up_by', sa.Text(), nullable=False, server_default=''))
    op.alter_column('refunds', 'given_up_by', server_default=None)


def downgrade() -> None:
    op.drop_column('refunds', 'given_up_by')
    for table in ('refunds', 'end_refunds'):
        op.drop_column(table, 'left_before')
