"""Links that open one task; where customers may be led back to; who could not log in and left word."""

from alembic import op
import sqlalchemy as sa

revision = '0046'
down_revision = '0045'

WAYS = ('letter', 'email', 'telephone', 'account_page', 'other')
KINDS = ('cancel', 'late', 'access', 'payments')


def upgrade() -> None:
    # The default stays: a process of the older version that still runs does not know the column.
    op.execute("ALTER TABLE merchants ADD COLUMN return_addresses jsonb NOT NULL DEFAULT '[]'")
    op.create_table(
        'task_links',
        sa.Column('token_hash', sa.Text(), nullable=False),
        sa.Column('kind', sa.Enum(*KINDS, name='kind', native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=True),
        sa.Column('return_to', sa.Text(), nullable=False),
        sa.Column('made_by', sa.Text(), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('proven_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("return_to ~ '^(https://|$)'", name=op.f('ck_task_links_return_is_https')),
        sa.CheckConstraint('used_at IS NOT NULL OR (proven_at IS NULL AND done_at IS NULL)', name=op.f('ck_task_links_begun_before_done')),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_task_links_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_task_links_merchant_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_task_links_subscription_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_task_links')),
        sa.UniqueConstraint('token_hash', name=op.f('uq_task_links_token_hash')),
    )
    op.create_index(op.f('ix_task_links_merchant_id'), 'task_links', ['merchant_id'])
    op.create_index(op.f('ix_task_links_subscription_id'), 'task_links', ['subscription_id'])
    op.create_index('ix_task_links_customer_id_created_at', 'task_links', ['customer_id', 'created_at'])
    op.execute(
        'ALTER TABLE sessions ADD COLUMN task_link_id uuid'
        ' CONSTRAINT fk_sessions_task_link_id REFERENCES task_links (id) ON DELETE CASCADE'
    )
    op.create_index('ix_sessions_task_link_id', 'sessions', ['task_link_id'], postgresql_where=sa.text('task_link_id IS NOT NULL'))
    _ways((*WAYS, 'no_login'))


def downgrade() -> None:
    # The wish stays: it waits as one that came by another way.
    op.execute("UPDATE received_requests SET way = 'other' WHERE way = 'no_login'")
    op.execute("UPDATE end_requests SET notified_way = 'other' WHERE notified_way = 'no_login'")
    _ways(WAYS)
    # Else a session that sees one task would see the whole account.
    op.execute('DELETE FROM sessions WHERE task_link_id IS NOT NULL')
    op.drop_column('sessions', 'task_link_id')
    op.drop_table('task_links')
    op.drop_column('merchants', 'return_addresses')


def _ways(ways: tuple[str, ...]) -> None:
    """Let both tables know these ways, and no other."""
    listed = ', '.join(f"'{way}'" for way in ways)
    for table, column in (('received_requests', 'way'), ('end_requests', 'notified_way')):
        op.execute(f'ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{column}')
        op.execute(f'ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{column} CHECK ({column} IN ({listed}))')
