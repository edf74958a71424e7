"""Contents with an address; what was told of access after an end, once its product's rule is another one."""

from alembic import op

revision = '0037'
down_revision = '0036'


def upgrade() -> None:
    # The default stays: a process of the older version that still runs does not know the column.
    op.execute("ALTER TABLE product_contents ADD COLUMN link text NOT NULL DEFAULT ''")
    op.execute(
        'ALTER TABLE product_contents ADD CONSTRAINT ck_product_contents_link_is_https'
        " CHECK (link = '' OR link LIKE 'https://%')"
    )
    # Empty means that the product's rule is still the one that was told: so it is for all that have ended by now.
    op.execute('ALTER TABLE subscriptions ADD COLUMN promised jsonb')


def downgrade() -> None:
    op.drop_column('subscriptions', 'promised')
    op.drop_column('product_contents', 'link')
