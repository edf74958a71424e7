"""The merchant's face; and each save of settings and products, so that nobody overwrites another's unseen.

What is there is version 0: nobody has it open who had not read it. The defaults stay: a process of the older version
that still runs knows none of the columns.
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0029'
down_revision = '0028'

FACE = ('sender_name', 'accent', 'site_url', 'terms_url', 'privacy_url', 'legal_url')
HTTPS = "~ '^(https://|$)'"


def upgrade() -> None:
    for name in FACE:
        op.execute(f"ALTER TABLE merchants ADD COLUMN {name} text NOT NULL DEFAULT ''")
    op.execute(
        "ALTER TABLE merchants ADD CONSTRAINT ck_merchants_accent_is_a_colour"
        " CHECK (accent ~ '^(#[0-9a-f]{6})?$')"
    )
    op.execute(
        'ALTER TABLE merchants ADD CONSTRAINT ck_merchants_addresses_are_https CHECK ('
        f'site_url {HTTPS} AND terms_url {HTTPS} AND privacy_url {HTTPS} AND legal_url {HTTPS})'
    )
    op.add_column('merchants', sa.Column('logo_id', sa.Uuid(), nullable=True))
    op.create_table(
        'logos',
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('octet_length(content) BETWEEN 1 AND 1048576', name=op.f('ck_logos_content_is_small')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_logos_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_logos')),
    )
    op.create_index(op.f('ix_logos_merchant_id'), 'logos', ['merchant_id'])
    op.create_table(
        'edits',
        sa.Column('subject_kind', sa.Text(), nullable=False),
        sa.Column('subject_id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('actor_id', sa.Uuid(), nullable=True),
        sa.Column('changes', postgresql.JSONB(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('version > 0', name=op.f('ck_edits_version_counts_from_one')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_edits_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_edits')),
        sa.UniqueConstraint('subject_id', 'subject_kind', 'version', name=op.f('uq_edits_subject_id_subject_kind_version')),
    )
    op.create_index(op.f('ix_edits_merchant_id'), 'edits', ['merchant_id'])


def downgrade() -> None:
    op.drop_table('edits')
    op.drop_table('logos')
    op.drop_column('merchants', 'logo_id')
    op.execute('ALTER TABLE merchants DROP CONSTRAINT ck_merchants_addresses_are_https')
    op.execute('ALTER TABLE merchants DROP CONSTRAINT ck_merchants_accent_is_a_colour')
    for name in reversed(FACE):
        op.drop_column('merchants', name)
