"""What a merchant adds to each receipt: a VAT number, a legal form."""

from alembic import op

revision = '0041'
down_revision = '0040'


def upgrade() -> None:
    # The default stays: a process of the older version that still runs does not know the column.
    op.execute("ALTER TABLE merchants ADD COLUMN receipt_text text NOT NULL DEFAULT ''")
    op.create_check_constraint(op.f('ck_merchants_receipt_text'), 'merchants', 'length(receipt_text) <= 500')


def downgrade() -> None:
    op.drop_column('merchants', 'receipt_text')
