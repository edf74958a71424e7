"""The day that somebody chose for an end, and the payment that an end waits for."""

from alembic import op
import sqlalchemy as sa

revision = '0013'
down_revision = '0012'


def upgrade() -> None:
    op.add_column('end_requests', sa.Column('wished_on', sa.Date(), nullable=True))
    # Empty for ends that wait already: their customers were promised one moment, and nothing brings it forward.
    op.add_column('end_requests', sa.Column('awaited_at', sa.DateTime(timezone=True), nullable=True))
    # A wished day was kept as its first moment in the merchant's zone.
    op.execute(
        "UPDATE end_requests SET wished_on = (owed_until AT TIME ZONE m.time_zone)::date"
        " FROM merchants m WHERE m.id = merchant_id AND wait_reason = 'wish'"
    )


def downgrade() -> None:
    op.drop_column('end_requests', 'awaited_at')
    op.drop_column('end_requests', 'wished_on')
