"""Customers are listed in the order in which a reader looks for a name: without accents and case."""

from alembic import op
import sqlalchemy as sa

revision = '0019'
down_revision = '0018'

READING_ORDER = (
    "replace(replace(replace(lower(regexp_replace(normalize(name, NFKD), '[\\u0300-\\u036f]', '', 'g')), "
    "'œ', 'oe'), 'æ', 'ae'), 'ß', 'ss')"
)


def upgrade() -> None:
    op.drop_index('ix_customers_merchant_id_name', table_name='customers')
    op.create_index('ix_customers_merchant_id_name', 'customers', ['merchant_id', sa.text(READING_ORDER), 'id'])


def downgrade() -> None:
    op.drop_index('ix_customers_merchant_id_name', table_name='customers')
    op.create_index('ix_customers_merchant_id_name', 'customers', ['merchant_id', 'name', 'id'])
