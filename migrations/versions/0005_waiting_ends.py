"""Ends that wait for a day: notice period, wished date, a planned time that was missed."""

from alembic import op
import sqlalchemy as sa

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
