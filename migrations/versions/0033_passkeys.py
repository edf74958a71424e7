"""Passkeys of the people at the desk, and the challenges that they have answered."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0033'
down_revision = '0032'

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'passkeys',
        sa.Column('staff_id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('credential_id', sa.LargeBinary(), nullable=False),
        sa.Column('public_key', sa.LargeBinary(), nullable=False),
        sa.Column('sign_count', sa.BigInteger(), nullable=False),
        sa.Column('transports', postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column('aaguid', sa.Uuid(), nullable=False),
        sa.Column('last_used_at', MOMENT),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.CheckConstraint('char_length(name) BETWEEN 1 AND 60', name=op.f('ck_passkeys_has_a_name')),
        sa.CheckConstraint('octet_length(credential_id) BETWEEN 16 AND 1023', name=op.f('ck_passkeys_id_is_long_enough')),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_passkeys_staff_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_passkeys')),
        sa.UniqueConstraint('credential_id', name=op.f('uq_passkeys_credential_id')),
    )
    op.create_index(op.f('ix_passkeys_staff_id'), 'passkeys', ['staff_id'])
    op.create_table(
        'spent_challenges',
        sa.Column('challenge_hash', sa.Text(), nullable=False),
        sa.Column('spent_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('challenge_hash', name=op.f('pk_spent_challenges')),
    )


def downgrade() -> None:
    op.drop_table('spent_challenges')
    op.drop_table('passkeys')
