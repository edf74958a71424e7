"""Who ended within some days, and by whom it was ended: each of them was looked up for the latter."""

from portal import gently

revision = '0075'
down_revision = '0074'

TABLE = 'subscriptions'
OLD, NEW = 'ix_subscriptions_merchant_id_ended_at', 'ix_subscriptions_merchant_id_ended'


def upgrade() -> None:
    gently.index(NEW, TABLE, ['merchant_id', 'ended_at', 'id', 'ended_by'])
    gently.drop_index(OLD, TABLE)


def downgrade() -> None:
    gently.index(OLD, TABLE, ['merchant_id', 'ended_at', 'id'])
    gently.drop_index(NEW, TABLE)
