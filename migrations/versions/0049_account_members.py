"""The people of a customer's account; whose of them a session is."""

from alembic import op
import sqlalchemy as sa

revision = '0049'
down_revision = '0048'


def upgrade() -> None:
    op.create_table(
        'account_members',
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('email', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('role', sa.Enum('owner', 'reader', name='role', native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column('locale', sa.Text(), nullable=True),
        sa.Column('invited_by_id', sa.Uuid(), nullable=True),
        sa.Column('invited_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('token_hash', sa.Text(), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_account_members_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['invited_by_id'], ['account_members.id'], name=op.f('fk_account_members_invited_by_id'), ondelete='SET NULL'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_account_members_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_account_members')),
        sa.UniqueConstraint('token_hash', name=op.f('uq_account_members_token_hash')),
    )
    op.create_index(op.f('ix_account_members_merchant_id'), 'account_members', ['merchant_id'])
    op.create_index(op.f('ix_account_members_invited_by_id'), 'account_members', ['invited_by_id'])
    op.create_index('ix_account_members_customer_id', 'account_members', ['customer_id'])
    is_there = sa.text('removed_at IS NULL')
    op.create_index('uq_account_members_customer_id_email', 'account_members', ['customer_id', 'email'], unique=True, postgresql_where=is_there)
    op.create_index('ix_account_members_merchant_id_email', 'account_members', ['merchant_id', 'email'], postgresql_where=is_there)
    op.execute(
        'ALTER TABLE sessions ADD COLUMN account_member_id uuid'
        ' CONSTRAINT fk_sessions_account_member_id REFERENCES account_members (id) ON DELETE CASCADE'
    )
    op.create_index('ix_sessions_account_member_id', 'sessions', ['account_member_id'], postgresql_where=sa.text('account_member_id IS NOT NULL'))


def downgrade() -> None:
    # Else a session of somebody who was let in would be one of the address on file.
    op.execute('DELETE FROM sessions WHERE account_member_id IS NOT NULL')
    op.drop_column('sessions', 'account_member_id')
    op.drop_table('account_members')
