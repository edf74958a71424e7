"""What needs the merchant: requests that came by other ways, what was seen, what was told."""

from alembic import op
import sqlalchemy as sa

revision = '0011'
down_revision = '0010'


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
