"""The fingerprint of each proof's file that leaves the portal."""

from alembic import op
import sqlalchemy as sa

revision = '0021'
down_revision = '0020'


def upgrade() -> None:
    # Of the proofs that are there nobody knows which files left. The default stays: a process of the older version
    # that still runs writes none of its files down either, and does not know the column. No row is rewritten.
    op.execute('ALTER TABLE proofs ADD COLUMN has_older_files boolean NOT NULL DEFAULT true')
    op.create_table(
        'proof_files',
        sa.Column('proof_id', sa.Uuid(), nullable=False),
        sa.Column('sha256', sa.Text(), nullable=False),
        sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f('ck_proof_files_sha256_is_one')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_proof_files_merchant_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['proof_id'], ['proofs.id'], name=op.f('fk_proof_files_proof_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_proof_files')),
        sa.UniqueConstraint('proof_id', 'sha256', name=op.f('uq_proof_files_proof_id_sha256')),
    )
    op.create_index(op.f('ix_proof_files_merchant_id'), 'proof_files', ['merchant_id'])


def downgrade() -> None:
    op.drop_table('proof_files')
    op.drop_column('proofs', 'has_older_files')
