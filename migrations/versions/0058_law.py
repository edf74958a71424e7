"""What stands on the merchant's own site."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0058'
down_revision = '0053'


def upgrade() -> None:
    # The default stays: a process of the older version that still runs does not know the column.
    op.add_column('merchants', sa.Column('placed_links', postgresql.JSONB(), server_default='{}', nullable=False))


def downgrade() -> None:
    op.drop_column('merchants', 'placed_links')
