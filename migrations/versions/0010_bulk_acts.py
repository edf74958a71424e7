"""Acts on many subscriptions, with a result per row."""

from alembic import op
import sqlalchemy as sa

revision = '0010'
down_revision = '0009'


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
