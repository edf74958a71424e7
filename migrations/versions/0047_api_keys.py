"""Keys of the API, how much each is used, and what a call that may be made again was answered."""

from alembic import op
import sqlalchemy as sa

revision = '0047'
down_revision = '0046'


def upgrade() -> None:
    op.create_table(
        'api_keys',
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('mode', sa.Enum('live', 'test', name='mode', native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column('prefix', sa.Text(), nullable=False),
        sa.Column('digest', sa.LargeBinary(), nullable=False),
        sa.Column('scopes', sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column('networks', sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column('per_minute', sa.Integer(), nullable=False),
        sa.Column('made_by', sa.Text(), nullable=False),
        sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('successor_id', sa.Uuid(), nullable=True),
        sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('revoked_by', sa.Text(), nullable=False),
        sa.Column('reported_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('reported_where', sa.Text(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('per_minute BETWEEN 1 AND 600000', name=op.f('ck_api_keys_per_minute')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_api_keys_merchant_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['successor_id'], ['api_keys.id'], name=op.f('fk_api_keys_successor_id'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_api_keys')),
        sa.UniqueConstraint('prefix', name=op.f('uq_api_keys_prefix')),
        sa.UniqueConstraint('digest', name=op.f('uq_api_keys_digest')),
    )
    op.create_index(op.f('ix_api_keys_merchant_id'), 'api_keys', ['merchant_id'])
    op.create_table(
        'api_uses',
        sa.Column('key_id', sa.Uuid(), nullable=False),
        sa.Column('minute', sa.DateTime(timezone=True), nullable=False),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['key_id'], ['api_keys.id'], name=op.f('fk_api_uses_key_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('key_id', 'minute', name=op.f('pk_api_uses')),
    )
    op.create_index(op.f('ix_api_uses_minute'), 'api_uses', ['minute'])
    op.create_table(
        'api_replies',
        sa.Column('key_id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('call', sa.LargeBinary(), nullable=False),
        sa.Column('status', sa.Integer(), nullable=True),
        sa.Column('headers', sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column('body', sa.LargeBinary(), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['key_id'], ['api_keys.id'], name=op.f('fk_api_replies_key_id'), ondelete='CASCADE'),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_api_replies')),
        sa.UniqueConstraint('key_id', 'name', name=op.f('uq_api_replies_key_id_name')),
    )


def downgrade() -> None:
    # What opens the account from outside has no place in the older version: nothing of it is kept.
    op.drop_table('api_replies')
    op.drop_table('api_uses')
    op.drop_table('api_keys')
