"""Declarations from public pages, and under which countries' law a merchant sells."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0054'
down_revision = '0053'

MOMENT = sa.DateTime(timezone=True)
WAYS = ('letter', 'email', 'telephone', 'account_page', 'no_login', 'other')
COUNTRIES = ('FR', 'DE', 'BE', 'LU', 'CH', 'NL', 'IT', 'ES', 'UK', 'US-CA')


def _words(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    # The defaults stay: a process of the older version that still runs does not know the columns.
    op.add_column('merchants', sa.Column('country', _words(*COUNTRIES, name='country'), server_default='FR', nullable=False))
    op.add_column('merchants', sa.Column('sells_to', postgresql.JSONB(), server_default='["FR"]', nullable=False))
    op.add_column('merchants', sa.Column('public_indexed', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('merchants', sa.Column('postal_address', sa.Text(), server_default='', nullable=False))
    op.create_check_constraint(op.f('ck_merchants_postal_address'), 'merchants', 'length(postal_address) <= 500')
    _ways((*WAYS, 'public_form'))
    op.create_table(
        'public_declarations',
        sa.Column('received_request_id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('kind', _words('cancellation', 'withdrawal', name='kind'), nullable=False),
        sa.Column('country', _words(*COUNTRIES, name='country'), nullable=False),
        sa.Column('language', sa.Text(), nullable=False),
        sa.Column('text_version', sa.Text(), nullable=False),
        sa.Column('labels', postgresql.JSONB(), nullable=False),
        sa.Column('particulars', postgresql.JSONB(), nullable=False),
        sa.Column('page_hash', sa.Text(), nullable=False),
        sa.Column('carrying', _words('by_mail', 'after_delay', 'by_merchant', 'in_account', name='carrying'), nullable=True),
        sa.Column('decided_at', MOMENT, nullable=True),
        sa.Column('subscription_id', sa.Uuid(), nullable=True),
        sa.Column('link_hash', sa.Text(), nullable=True),
        sa.Column('due_at', MOMENT, nullable=True),
        sa.Column('confirmed_at', MOMENT, nullable=True),
        sa.Column('refused_at', MOMENT, nullable=True),
        sa.Column('is_repeated', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint('confirmed_at IS NULL OR refused_at IS NULL', name=op.f('ck_public_declarations_one_answer')),
        sa.CheckConstraint('(carrying IS NULL) = (decided_at IS NULL)', name=op.f('ck_public_declarations_decided_has_a_date')),
        sa.CheckConstraint('due_at IS NULL OR subscription_id IS NOT NULL', name=op.f('ck_public_declarations_due_names_a_subscription')),
        sa.ForeignKeyConstraint(['received_request_id'], ['received_requests.id'], name=op.f('fk_public_declarations_received_request_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_public_declarations_merchant_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_public_declarations_subscription_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('received_request_id', name=op.f('pk_public_declarations')),
        sa.UniqueConstraint('page_hash', name=op.f('uq_public_declarations_page_hash')),
        sa.UniqueConstraint('link_hash', name=op.f('uq_public_declarations_link_hash')),
    )
    for column in ('merchant_id', 'subscription_id'):
        op.create_index(op.f(f'ix_public_declarations_{column}'), 'public_declarations', [column])
    op.create_index('ix_public_declarations_undecided', 'public_declarations', ['created_at'], postgresql_where=sa.text('decided_at IS NULL'))
    op.create_index(
        'ix_public_declarations_due_at',
        'public_declarations',
        ['due_at'],
        postgresql_where=sa.text('due_at IS NOT NULL AND confirmed_at IS NULL AND refused_at IS NULL'),
    )


def downgrade() -> None:
    # The wish stays: it waits as one that came by another way, and the merchant carries it out.
    op.drop_table('public_declarations')
    op.execute("UPDATE received_requests SET way = 'other' WHERE way = 'public_form'")
    op.execute("UPDATE end_requests SET notified_way = 'other' WHERE notified_way = 'public_form'")
    _ways(WAYS)
    for column in ('postal_address', 'public_indexed', 'sells_to', 'country'):
        op.drop_column('merchants', column)


def _ways(ways: tuple[str, ...]) -> None:
    """Let both tables know these ways, and no other."""
    listed = ', '.join(f"'{way}'" for way in ways)
    for table, column in (('received_requests', 'way'), ('end_requests', 'notified_way')):
        op.execute(f'ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{column}')
        op.execute(f'ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{column} CHECK ({column} IN ({listed}))')
