"""What customers say of themselves, and changes of address that the former address may hold."""

from alembic import op
import sqlalchemy as sa

revision = '0042'
down_revision = '0041'


def upgrade() -> None:
    # The defaults stay: a process of the older version that still runs does not know these columns.
    op.execute('ALTER TABLE customers ADD COLUMN time_zone text')
    op.execute('ALTER TABLE customers ADD COLUMN reminders_allowed boolean NOT NULL DEFAULT true')
    op.execute("ALTER TABLE customers ADD COLUMN own_answers jsonb NOT NULL DEFAULT '[]'")
    op.execute('ALTER TABLE address_changes ADD COLUMN by_customer boolean NOT NULL DEFAULT false')
    op.create_table(
        'address_holds',
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('former_email', sa.Text(), nullable=False),
        sa.Column('email', sa.Text(), nullable=False),
        sa.Column('link_hash', sa.Text(), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('held_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('outcome', sa.Enum('kept', 'restored', 'replaced', name='outcome', native_enum=False, create_constraint=True, length=40), nullable=True),
        sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('decided_by', sa.Text(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('(outcome IS NULL) = (decided_at IS NULL)', name=op.f('ck_address_holds_decided_has_an_outcome')),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_address_holds_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_address_holds_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_address_holds')),
        sa.UniqueConstraint('link_hash', name=op.f('uq_address_holds_link_hash')),
    )
    op.create_index(op.f('ix_address_holds_customer_id'), 'address_holds', ['customer_id'])
    op.create_index(op.f('ix_address_holds_merchant_id'), 'address_holds', ['merchant_id'])
    op.create_index('ix_address_holds_waiting', 'address_holds', ['merchant_id', 'held_at'], postgresql_where=sa.text('held_at IS NOT NULL AND outcome IS NULL'))


def downgrade() -> None:
    op.drop_table('address_holds')
    op.drop_column('address_changes', 'by_customer')
    for column in ('own_answers', 'reminders_allowed', 'time_zone'):
        op.drop_column('customers', column)
