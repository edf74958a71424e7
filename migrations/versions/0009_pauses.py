"""Requests to pause and to resume."""

from alembic import op
import sqlalchemy as sa

revision = '0009'
down_revision = '0008'


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
