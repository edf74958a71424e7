"""An endpoint for events is told of one of PayPal's worlds, or of both."""

from alembic import op
import sqlalchemy as sa

revision = '0054'
down_revision = '0053'


def upgrade() -> None:
    # Those that are there go on being told of both, and so does one that a process of the older version makes.
    op.add_column('event_endpoints', sa.Column('environment', sa.String(40), nullable=True))
    op.create_check_constraint(
        op.f('ck_event_endpoints_environment'), 'event_endpoints', "environment IN ('sandbox', 'live')"
    )


def downgrade() -> None:
    # Else one that was told of the sandbox alone would be told of what is real.
    op.execute("UPDATE event_endpoints SET state = 'disabled', state_at = now(), is_by_hand = true WHERE environment = 'sandbox' AND state <> 'disabled'")
    op.drop_column('event_endpoints', 'environment')
