"""An attempt to come back keeps what was ordered, as it was shown."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0040'
down_revision = '0039'


def upgrade() -> None:
    op.add_column('comebacks', sa.Column('ordered', postgresql.JSONB(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column('comebacks', 'ordered')
