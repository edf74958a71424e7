"""The customer's record: addresses that wait for their confirmation, notes, who gave access by hand, whose a message is."""

from alembic import op
import sqlalchemy as sa

revision = '0029'
down_revision = '0028'


def upgrade() -> None:
    op.create_table(
        'address_changes',
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('email', sa.Text(), nullable=False),
        sa.Column('link_hash', sa.Text(), nullable=False),
        sa.Column('asked_by', sa.Text(), nullable=False),
        sa.Column('mails', sa.Integer(), nullable=False),
        sa.Column('mailed_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('outcome', sa.Enum('confirmed', 'withdrawn', 'replaced', name='outcome', native_enum=False, create_constraint=True, length=40), nullable=True),
        sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('(outcome IS NULL) = (closed_at IS NULL)', name=op.f('ck_address_changes_closed_has_an_outcome')),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_address_changes_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_address_changes_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_address_changes')),
        sa.UniqueConstraint('link_hash', name=op.f('uq_address_changes_link_hash')),
    )
    op.create_index(op.f('ix_address_changes_customer_id'), 'address_changes', ['customer_id'])
    op.create_index(op.f('ix_address_changes_merchant_id'), 'address_changes', ['merchant_id'])
    op.create_index('uq_address_changes_open', 'address_changes', ['customer_id'], unique=True, postgresql_where=sa.text('outcome IS NULL'))
    op.create_table(
        'customer_notes',
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('author_id', sa.Uuid(), nullable=False),
        sa.Column('author_name', sa.Text(), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_customer_notes_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_customer_notes_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_customer_notes')),
    )
    op.create_index(op.f('ix_customer_notes_customer_id'), 'customer_notes', ['customer_id'])
    op.create_index(op.f('ix_customer_notes_merchant_id'), 'customer_notes', ['merchant_id'])
    # The defaults stay: a process of the older version that still runs does not know these columns.
    op.execute("ALTER TABLE grants ADD COLUMN actor_name text NOT NULL DEFAULT ''")
    op.execute('ALTER TABLE grants ADD COLUMN withdrawn_at timestamptz')
    op.execute("ALTER TABLE grants ADD COLUMN withdrawn_by text NOT NULL DEFAULT ''")
    op.execute(
        'ALTER TABLE mails ADD COLUMN customer_id uuid'
        ' CONSTRAINT fk_mails_customer_id REFERENCES customers (id) ON DELETE SET NULL'
    )
    op.create_index('ix_mails_customer_id', 'mails', ['customer_id'], postgresql_where=sa.text('customer_id IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('ix_mails_customer_id', table_name='mails')
    op.drop_column('mails', 'customer_id')
    for column in ('actor_name', 'withdrawn_at', 'withdrawn_by'):
        op.drop_column('grants', column)
    op.drop_table('customer_notes')
    op.drop_table('address_changes')
