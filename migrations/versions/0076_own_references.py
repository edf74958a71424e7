"""A subscription is found by the merchant's own reference of it, from its beginning, in capitals or not."""

from sqlalchemy import text

from portal import gently

revision = '0076'
down_revision = '0075'

NAME, TABLE = 'ix_subscriptions_merchant_id_reference', 'subscriptions'


def upgrade() -> None:
    gently.index(NAME, TABLE, ['merchant_id', text('lower(reference) text_pattern_ops')], where='reference IS NOT NULL')


def downgrade() -> None:
    gently.drop_index(NAME, TABLE)
