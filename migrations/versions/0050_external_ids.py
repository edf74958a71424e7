"""A merchant's own ids of its customers and products."""

from alembic import op

revision = '0050'
down_revision = '0049'

VISIBLE = (
    "char_length(external_id) BETWEEN 1 AND 128 AND external_id = btrim(external_id) AND external_id !~ "
    r"'  |[\u0001-\u001f\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]'"
)


def upgrade() -> None:
    op.execute('ALTER TABLE profile_import_rows ADD COLUMN external_id text')
    for table in ('customers', 'products'):
        op.execute(f'ALTER TABLE {table} ADD COLUMN external_id text')
        op.execute(f'ALTER TABLE {table} ADD CONSTRAINT ck_{table}_external_id CHECK ({VISIBLE})')
        op.execute(
            f'CREATE UNIQUE INDEX uq_{table}_merchant_id_external_id ON {table} (merchant_id, external_id)'
            ' WHERE external_id IS NOT NULL'
        )


def downgrade() -> None:
    # Of joined customers, too: a restored one would have a column that is not there.
    for column in ('former', 'before'):
        op.execute(f"UPDATE customer_joinings SET {column} = {column} - 'external_id' WHERE {column} ? 'external_id'")
    for table in ('profile_import_rows', 'products', 'customers'):
        op.drop_column(table, 'external_id')
