"""Ends that wait for a day, requests that came by other ways, and what the merchant was told of."""

from alembic import op
import sqlalchemy as sa

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
