"""Acts on many subscriptions, with a result per row."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0010'
down_revision = '0009'


def upgrade() -> None:
    op.create_table('bulk_acts',
    sa.Column('action', sa.Enum('cancel', 'complete', 'abandon', 'pause', 'resume', name='action', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('state', sa.Enum('draft', 'running', 'stopped', 'done', 'dropped', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('staff_name', sa.Text(), nullable=False),
    sa.Column('role', sa.Enum('reader', 'support', 'owner', name='role', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('filters', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('provider_note', sa.Text(), nullable=False),
    sa.Column('internal_note', sa.Text(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('turn', sa.Integer(), nullable=False),
    sa.Column('held', sa.Enum('', 'calm', 'key', 'silence', 'turn', name='held', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('paced_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('touched_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.CheckConstraint("(state = 'draft') = (confirmed_at IS NULL)", name=op.f('ck_bulk_acts_confirmed_has_a_date')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_bulk_acts_merchant_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_bulk_acts_staff_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk_acts'))
    )
    op.create_index(op.f('ix_bulk_acts_merchant_id'), 'bulk_acts', ['merchant_id'], unique=False)
    op.create_index(op.f('ix_bulk_acts_staff_id'), 'bulk_acts', ['staff_id'], unique=False)
    op.create_index('ix_bulk_acts_merchant_id_created_at', 'bulk_acts', ['merchant_id', 'created_at', 'id'], unique=False)
    op.create_index('ix_bulk_acts_running', 'bulk_acts', ['merchant_id', 'confirmed_at'], unique=False, postgresql_where=sa.text("state = 'running'"))
    op.create_table('bulk_rows',
    sa.Column('bulk_act_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'asked', 'local', 'skipped', name='state', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('end_request_id', sa.Uuid(), nullable=True),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.CheckConstraint("state <> 'asked' OR end_request_id IS NOT NULL", name=op.f('ck_bulk_rows_asked_has_a_request')),
    sa.ForeignKeyConstraint(['bulk_act_id'], ['bulk_acts.id'], name=op.f('fk_bulk_rows_bulk_act_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['end_request_id'], ['end_requests.id'], name=op.f('fk_bulk_rows_end_request_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_bulk_rows_subscription_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk_rows')),
    sa.UniqueConstraint('bulk_act_id', 'position', name='uq_bulk_rows_position'),
    sa.UniqueConstraint('bulk_act_id', 'subscription_id', name='uq_bulk_rows_subscription')
    )
    op.create_index(op.f('ix_bulk_rows_end_request_id'), 'bulk_rows', ['end_request_id'], unique=False)
    op.create_index(op.f('ix_bulk_rows_subscription_id'), 'bulk_rows', ['subscription_id'], unique=False)
    op.create_index('ix_bulk_rows_given', 'bulk_rows', ['bulk_act_id', 'given_at'], unique=False, postgresql_where=sa.text("state = 'waiting' AND given_at IS NOT NULL"))
    op.create_index('ix_bulk_rows_left', 'bulk_rows', ['bulk_act_id', 'position'], unique=False, postgresql_where=sa.text("state = 'waiting' AND given_at IS NULL"))


def downgrade() -> None:
    op.drop_table('bulk_rows')
    op.drop_table('bulk_acts')
