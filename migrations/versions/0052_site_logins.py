"""Customers log in with the merchant's own site."""

from alembic import op
import sqlalchemy as sa

revision = '0052'
down_revision = '0051'

PROOFS = ('email', 'external_id')
MOMENT = sa.DateTime(timezone=True)


def proof() -> sa.Enum:
    return sa.Enum(*PROOFS, name='proof', native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        'site_logins',
        sa.Column('issuer', sa.Text(), nullable=False),
        sa.Column('client_id', sa.Text(), nullable=False),
        sa.Column('secret', sa.LargeBinary(), nullable=False),
        sa.Column('proof', proof(), nullable=False),
        sa.Column('claim', sa.Text(), nullable=False),
        sa.Column('label_fr', sa.Text(), nullable=False),
        sa.Column('label_en', sa.Text(), nullable=False),
        sa.Column('is_on', sa.Boolean(), nullable=False),
        sa.Column('end_session_url', sa.Text(), nullable=False),
        sa.Column('set_at', MOMENT, nullable=False),
        sa.Column('checked_at', MOMENT, nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("issuer ~ '^https?://'", name=op.f('ck_site_logins_issuer_is_an_address')),
        sa.CheckConstraint("(proof = 'external_id') = (claim <> '')", name=op.f('ck_site_logins_claim_of_an_id')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_site_logins_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_site_logins')),
        sa.UniqueConstraint('merchant_id', name='uq_site_logins_merchant_id'),
    )
    op.create_index(op.f('ix_site_logins_merchant_id'), 'site_logins', ['merchant_id'])
    # Null for every session that a code opened, and for those that a process of the older version opens.
    op.add_column('sessions', sa.Column('site_proof', sa.String(40), nullable=True))
    op.create_check_constraint(op.f('ck_sessions_site_proof'), 'sessions', "site_proof IN ('email', 'external_id')")


def downgrade() -> None:
    # Else one that the merchant's own id opened could go over to other customers of the same address.
    op.execute('DELETE FROM sessions WHERE site_proof IS NOT NULL')
    op.drop_column('sessions', 'site_proof')
    op.drop_table('site_logins')
