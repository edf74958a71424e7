"""When a merchant last saved a product's rules: one that was never saved has rules that nobody has read.

A product with contents was set up by somebody, so that it counts as read.
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


def downgrade() -> None:
    op.drop_column('products', 'reviewed_at')
