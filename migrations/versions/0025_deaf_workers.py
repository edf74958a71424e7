"""A worker that nothing wakes, since its LISTEN is lost on the way, says so for /healthz to tell."""

from alembic import op
import sqlalchemy as sa

revision = '0025'
down_revision = '0024'


def upgrade() -> None:
    op.add_column('health_marks', sa.Column('deaf_at', sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column('health_marks', 'deaf_at')
