"""Merchants’ own host names for their customers' pages: what was entered, how it stands, and which one is active."""

from alembic import op
import sqlalchemy as sa

from portal import gently

revision = '0061'
down_revision = '0060'

MOMENT = sa.DateTime(timezone=True)
FAULTS = ('no_dns', 'no_record', 'other_record', 'not_reached', 'certificate', 'another')


def upgrade() -> None:
    gently.column('merchants', sa.Column('own_host', sa.Text(), nullable=True))
    gently.index('uq_merchants_own_host', 'merchants', ['own_host'], unique=True)
    op.create_table(
        'own_hosts',
        sa.Column('host', sa.Text(), nullable=False),
        sa.Column('token', sa.Text(), nullable=False),
        sa.Column('proved_at', MOMENT, nullable=True),
        sa.Column('active_since', MOMENT, nullable=True),
        sa.Column('checked_at', MOMENT, nullable=True),
        sa.Column('fault', sa.Enum(*FAULTS, name='fault', native_enum=False, create_constraint=True, length=40), nullable=True),
        sa.Column('failing_since', MOMENT, nullable=True),
        sa.Column('given_up_at', MOMENT, nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("host ~ '^[a-z0-9-]+([.][a-z0-9-]+)+$'", name=op.f('ck_own_hosts_host_is_a_name')),
        sa.CheckConstraint('(failing_since IS NULL) = (fault IS NULL)', name=op.f('ck_own_hosts_fault_has_a_day')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_own_hosts_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_own_hosts')),
        if_not_exists=True,
    )
    op.create_index('uq_own_hosts_merchant_id', 'own_hosts', ['merchant_id'], unique=True,
                    postgresql_where=sa.text('given_up_at IS NULL'), if_not_exists=True)
    op.create_index('ix_own_hosts_host', 'own_hosts', ['host'], if_not_exists=True)
    op.create_index(op.f('ix_own_hosts_merchant_id'), 'own_hosts', ['merchant_id'], if_not_exists=True)


def downgrade() -> None:
    gently.drop_index('uq_merchants_own_host', 'merchants')
    op.drop_column('merchants', 'own_host')
    op.drop_table('own_hosts')
