"""What a merchant brings as a file, what it says of subscriptions, and everything of a merchant as an archive."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal import gently

revision = '0070'
down_revision = '0069'

MOMENT = sa.DateTime(timezone=True)
WRONG = (
    'cells', 'bad_text', 'too_long', 'bad_id', 'bad_email', 'bad_external_id', 'bad_language', 'bad_date', 'no_customer',
    'no_subscription', 'no_product', 'unknown_customer', 'needs_email', 'unknown_subscription', 'unknown_product',
    'several_customers', 'several_subscriptions', 'several_products', 'two_customers', 'other_id', 'address_confirmed',
    'address_stands', 'address_taken', 'erased', 'said_otherwise', 'ends_before_start', 'over_already', 'overlaps',
)


def upgrade() -> None:
    gently.column('subscriptions', sa.Column('reference', sa.Text(), nullable=True))
    gently.column('subscriptions', sa.Column('extra', postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False))
    _imports()
    _archives()


def _words(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _imports() -> None:
    states = ('uploaded', 'checking', 'checked', 'running', 'stopped', 'done')
    op.create_table(
        'file_imports',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('staff_id', sa.Uuid(), nullable=True),
        sa.Column('staff_name', sa.Text(), nullable=False),
        sa.Column('brought', _words('customers', 'subscriptions', 'grants', name='brought'), nullable=False),
        sa.Column('state', _words(*states, name='state'), nullable=False),
        sa.Column('file_name', sa.Text(), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('encoding', sa.Text(), nullable=False),
        sa.Column('delimiter', sa.Text(), nullable=False),
        sa.Column('header', postgresql.JSONB(), nullable=False),
        sa.Column('slashed', postgresql.JSONB(), nullable=False),
        sa.Column('columns', postgresql.JSONB(), nullable=False),
        sa.Column('date_order', _words('day_first', 'month_first', name='date_order'), nullable=True),
        *map(_number, ('parts', 'lines', 'attempt', 'part', 'done', 'made', 'changed', 'same', 'refused')),
        sa.Column('touched_at', MOMENT, nullable=False),
        sa.Column('finished_at', MOMENT, nullable=True),
        sa.Column('emptied_at', MOMENT, nullable=True),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.CheckConstraint('done <= lines AND part <= parts', name=op.f('ck_file_imports_done_within')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_file_imports_merchant_id_merchants'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_file_imports_staff_id_staff'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_file_imports')),
        if_not_exists=True,
    )
    for name in ('merchant_id', 'staff_id', 'emptied_at'):
        op.create_index(op.f(f'ix_file_imports_{name}'), 'file_imports', [name], if_not_exists=True)
    op.create_index('ix_file_imports_merchant_id_created_at', 'file_imports', ['merchant_id', 'created_at'], if_not_exists=True)
    op.create_table(
        'file_import_parts',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('file_import_id', sa.Uuid(), nullable=False),
        _number('number'),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        _of_import('file_import_parts'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_file_import_parts')),
        sa.UniqueConstraint('file_import_id', 'number', name=op.f('uq_file_import_parts_file_import_id_number')),
        if_not_exists=True,
    )
    op.create_table(
        'file_import_keys',
        sa.Column('file_import_id', sa.Uuid(), nullable=False),
        _number('attempt'),
        sa.Column('key', sa.Uuid(), nullable=False),
        sa.Column('content', sa.Uuid(), nullable=False),
        _number('line'),
        _of_import('file_import_keys'),
        sa.PrimaryKeyConstraint('file_import_id', 'attempt', 'key', name=op.f('pk_file_import_keys')),
        if_not_exists=True,
    )
    op.create_table(
        'file_import_faults',
        sa.Column('file_import_id', sa.Uuid(), nullable=False),
        _number('attempt'),
        _number('line'),
        sa.Column('place', sa.Integer(), nullable=True),
        sa.Column('why', _words(*WRONG, name='why'), nullable=False),
        sa.Column('other', sa.Integer(), nullable=True),
        _of_import('file_import_faults'),
        sa.PrimaryKeyConstraint('file_import_id', 'attempt', 'line', name=op.f('pk_file_import_faults')),
        if_not_exists=True,
    )


def _of_import(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f'fk_{table}_file_import_id_file_imports')
    return sa.ForeignKeyConstraint(['file_import_id'], ['file_imports.id'], name=name, ondelete='CASCADE')


def _archives() -> None:
    op.create_table(
        'merchant_archives',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('staff_id', sa.Uuid(), nullable=False),
        sa.Column('state', _words('running', 'ready', name='state'), nullable=False),
        *map(_number, ('attempt', 'tables', 'of_tables')),
        sa.Column('rows', sa.BigInteger(), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('touched_at', MOMENT, nullable=False),
        sa.Column('ready_at', MOMENT, nullable=True),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.CheckConstraint("(state = 'ready') = (ready_at IS NOT NULL)", name=op.f('ck_merchant_archives_ready_has_a_date')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_merchant_archives_merchant_id_merchants'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_merchant_archives_staff_id_staff'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_merchant_archives')),
        if_not_exists=True,
    )
    for name in ('merchant_id', 'staff_id', 'ready_at'):
        op.create_index(op.f(f'ix_merchant_archives_{name}'), 'merchant_archives', [name], if_not_exists=True)
    op.create_table(
        'merchant_archive_parts',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('archive_id', sa.Uuid(), nullable=False),
        _number('number'),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(['archive_id'], ['merchant_archives.id'], name=op.f('fk_merchant_archive_parts_archive_id_merchant_archives'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_merchant_archive_parts')),
        sa.UniqueConstraint('archive_id', 'number', name=op.f('uq_merchant_archive_parts_archive_id_number')),
        if_not_exists=True,
    )


def downgrade() -> None:
    tables = (
        'merchant_archive_parts', 'merchant_archives', 'file_import_faults', 'file_import_keys', 'file_import_parts',
        'file_imports',
    )
    for table in tables:
        op.drop_table(table)
    op.drop_column('subscriptions', 'extra')
    op.drop_column('subscriptions', 'reference')
