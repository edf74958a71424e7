"""What came from whom when two customers were joined, which PayPal account a subscription was bought with, and the
sections of the customers' space that a merchant leaves out.

Joinings of before are not known any more: they cannot be split.
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0035'
down_revision = '0034'


def upgrade() -> None:
    op.create_table(
        'customer_joinings',
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('other_id', sa.Uuid(), nullable=False),
        sa.Column('by_name', sa.Text(), nullable=False),
        sa.Column('former', postgresql.JSONB(), nullable=False),
        sa.Column('before', postgresql.JSONB(), nullable=False),
        sa.Column('moved', postgresql.JSONB(), nullable=False),
        sa.Column('own', postgresql.JSONB(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_customer_joinings_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_customer_joinings_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_customer_joinings')),
    )
    op.create_index(op.f('ix_customer_joinings_customer_id'), 'customer_joinings', ['customer_id'])
    op.create_index(op.f('ix_customer_joinings_merchant_id'), 'customer_joinings', ['merchant_id'])
    op.execute('ALTER TABLE subscriptions ADD COLUMN payer_id text')
    # The default stays: a process of the older version that still runs does not know the column.
    op.execute("ALTER TABLE merchants ADD COLUMN hidden_sections jsonb NOT NULL DEFAULT '[]'")


def downgrade() -> None:
    op.drop_column('merchants', 'hidden_sections')
    op.drop_column('subscriptions', 'payer_id')
    op.drop_table('customer_joinings')
