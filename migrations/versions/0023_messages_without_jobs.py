"""PayPal's messages have no jobs any more: the workers find what waits by its rows (docs/decisions/0019)."""

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'

WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.drop_index('ix_paypal_events_waiting', table_name='paypal_events')
    op.create_index(
        'ix_paypal_events_waiting', 'paypal_events', ['merchant_id', 'next_try_at'], postgresql_where=WAITING
    )
    op.create_index(
        'ix_paypal_events_waiting_subject',
        'paypal_events',
        ['merchant_id', 'subject', 'next_try_at'],
        postgresql_where=WAITING,
    )
    op.execute(
        "DELETE FROM procrastinate_jobs WHERE status = 'todo' "
        "AND task_name IN ('events.handle', 'housekeeping.waiting_events')"
    )


def downgrade() -> None:
    # The jobs are not made again: the release before gives one to every message that waits without.
    op.drop_index('ix_paypal_events_waiting_subject', table_name='paypal_events')
    op.drop_index('ix_paypal_events_waiting', table_name='paypal_events')
    op.create_index('ix_paypal_events_waiting', 'paypal_events', ['next_try_at'], postgresql_where=WAITING)
