"""Whether who comes back asks to begin at once; since when a merchant says to inform of the right of withdrawal."""

from alembic import op
import sqlalchemy as sa

revision = '0060'
down_revision = '0059'


def upgrade() -> None:
    op.add_column('comebacks', sa.Column('express_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('comebacks', sa.Column('express_version', sa.Text(), server_default='', nullable=False))
    op.add_column('merchants', sa.Column('withdrawal_informed_since', sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column('merchants', 'withdrawal_informed_since')
    op.drop_column('comebacks', 'express_version')
    op.drop_column('comebacks', 'express_at')
