"""The desk's lists: of which kind each end is, and what they are narrowed and sorted by."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal import gently

revision = '0067'
down_revision = '0066'

KINDS = ('customer', 'staff', 'paypal', 'completed', 'abandoned', 'failed')
INDEXES = (
    ('ix_subscriptions_merchant_id_next_payment_at', 'subscriptions', ['merchant_id', 'next_payment_at', 'id'], None),
    ('ix_subscriptions_merchant_id_started_at', 'subscriptions', ['merchant_id', 'started_at', 'id'], None),
    ('ix_subscriptions_merchant_id_ended_at', 'subscriptions', ['merchant_id', 'ended_at', 'id'], None),
    (
        'ix_subscriptions_merchant_id_ended_by',
        'subscriptions',
        ['merchant_id', 'ended_by', 'created_at', 'id'],
        'ended_by IS NOT NULL',
    ),
    (
        'ix_subscriptions_failed',
        'subscriptions',
        ['merchant_id', 'created_at', 'id'],
        'failed_payments > 0',
    ),
    (
        'ix_subscriptions_classic',
        'subscriptions',
        ['merchant_id', 'created_at', 'id'],
        "provider = 'paypal_classic'",
    ),
    (
        'ix_customers_without_email',
        'customers',
        ['merchant_id', 'created_at', 'id'],
        'email IS NULL AND erased_at IS NULL',
    ),
    ('ix_customers_erased', 'customers', ['merchant_id', 'created_at', 'id'], 'erased_at IS NOT NULL'),
    (
        'ix_end_requests_merchant_id_reason_code',
        'end_requests',
        ['merchant_id', 'reason_code', 'created_at'],
        "reason_code <> ''",
    ),
)
# The first request that was carried out says whose end it is; without any it was found at PayPal.
ASKED_BY = """
    SELECT CASE
        WHEN r.actor = 'customer' OR r.notified_at IS NOT NULL THEN 'customer'
        WHEN r.actor = 'staff' THEN 'staff'
    END
    FROM end_requests r
    WHERE r.subscription_id = subscriptions.id AND r.state IN ('confirmed', 'closed') AND r.actor <> 'system'
    ORDER BY r.confirmed_at, r.id LIMIT 1
"""
KIND_OF = f"""
    ended_by = CASE
        WHEN status IN ('abandoned', 'completed') THEN status
        ELSE coalesce(({ASKED_BY}), CASE WHEN failed_payments > 0 THEN 'failed' ELSE 'paypal' END)
    END
"""


def upgrade() -> None:
    gently.column('subscriptions', sa.Column('ended_by', sa.String(40), nullable=True))
    words = ', '.join(f"'{kind}'" for kind in KINDS)
    gently.check('ck_subscriptions_ended_by', 'subscriptions', f'ended_by IN ({words})')
    gently.in_batches('subscriptions', KIND_OF, 'ended_at IS NOT NULL AND ended_by IS NULL')
    for name, table, columns, where in INDEXES:
        gently.index(name, table, columns, where=where)
    _views()
    _exports()


def _views() -> None:
    of_list = sa.Enum('subscriptions', 'customers', name='of_list', native_enum=False, create_constraint=True, length=40)
    op.create_table(
        'list_views',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('staff_id', sa.Uuid(), nullable=False),
        sa.Column('of_list', of_list, nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('query', postgresql.JSONB(), nullable=False),
        sa.Column('is_shared', sa.Boolean(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f('ck_list_views_has_a_name')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_list_views_merchant_id_merchants'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_list_views_staff_id_staff'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_list_views')),
        if_not_exists=True,
    )
    op.create_index(op.f('ix_list_views_merchant_id'), 'list_views', ['merchant_id'], if_not_exists=True)
    op.create_index(op.f('ix_list_views_staff_id'), 'list_views', ['staff_id'], if_not_exists=True)


def _words(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _exports() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        'list_exports',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('staff_id', sa.Uuid(), nullable=False),
        sa.Column('of_list', _words('subscriptions', 'customers', name='of_list'), nullable=False),
        sa.Column('file_format', _words('csv', 'jsonl', name='file_format'), nullable=False),
        sa.Column('query', postgresql.JSONB(), nullable=False),
        sa.Column('state', _words('running', 'ready', name='state'), nullable=False),
        sa.Column('attempt', sa.Integer(), nullable=False),
        sa.Column('rows', sa.Integer(), nullable=False),
        sa.Column('total', sa.Integer(), nullable=True),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('seen_at', moment, nullable=True),
        sa.Column('touched_at', moment, nullable=False),
        sa.Column('ready_at', moment, nullable=True),
        sa.Column('created_at', moment, nullable=False),
        sa.CheckConstraint("(state = 'ready') = (ready_at IS NOT NULL)", name=op.f('ck_list_exports_ready_has_a_date')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_list_exports_merchant_id_merchants'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_list_exports_staff_id_staff'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_list_exports')),
        if_not_exists=True,
    )
    for column in ('merchant_id', 'staff_id', 'ready_at'):
        op.create_index(op.f(f'ix_list_exports_{column}'), 'list_exports', [column], if_not_exists=True)
    op.create_table(
        'list_export_parts',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('export_id', sa.Uuid(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(['export_id'], ['list_exports.id'], name=op.f('fk_list_export_parts_export_id_list_exports'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_list_export_parts')),
        sa.UniqueConstraint('export_id', 'number', name=op.f('uq_list_export_parts_export_id_number')),
        if_not_exists=True,
    )


def downgrade() -> None:
    for table in ('list_export_parts', 'list_exports', 'list_views'):
        op.drop_table(table)
    for name, table, _columns, _where in reversed(INDEXES):
        gently.drop_index(name, table)
    op.drop_column('subscriptions', 'ended_by')
