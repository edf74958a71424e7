"""The list of what makes up the monthly revenue in a currency: one that is rare was looked for through them all."""

from portal import gently

revision = '0071'
down_revision = '0070'

NAME, TABLE = 'ix_subscriptions_merchant_id_currency', 'subscriptions'


def upgrade() -> None:
    gently.index(NAME, TABLE, ['merchant_id', 'currency', 'created_at', 'id'])


def downgrade() -> None:
    gently.drop_index(NAME, TABLE)
