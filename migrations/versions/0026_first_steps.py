"""What the merchant's first steps rest on: whose rules were read, and since when customers come.

A product with contents was set up by somebody, so that it counts as read. Log-ins are forgotten after a month: whoever asked for an
end had come too.
"""

from alembic import op
import sqlalchemy as sa

revision = '0026'
down_revision = '0025'


def upgrade() -> None:
    op.add_column('products', sa.Column('reviewed_at', sa.DateTime(timezone=True)))
    op.execute(
        'UPDATE products SET reviewed_at = now()'
        ' WHERE EXISTS (SELECT FROM product_contents WHERE product_id = products.id)'
    )
    op.add_column('merchants', sa.Column('first_customer_at', sa.DateTime(timezone=True)))
    op.execute(
        'UPDATE merchants SET first_customer_at = least('
        ' (SELECT min(created_at) FROM sessions WHERE merchant_id = merchants.id AND customer_id IS NOT NULL),'
        " (SELECT min(created_at) FROM end_requests WHERE merchant_id = merchants.id AND actor = 'customer'))"
    )


def downgrade() -> None:
    op.drop_column('merchants', 'first_customer_at')
    op.drop_column('products', 'reviewed_at')
