"""Which mails a merchant leaves out, and what it writes around the facts of the others."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal import gently

revision = '0066'
down_revision = '0065'


def upgrade() -> None:
    gently.column(
        'merchants',
        sa.Column('notices_left_out', postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
    )
    op.create_table(
        'notice_texts',
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('language', sa.Text(), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('opening', sa.Text(), nullable=False),
        sa.Column('closing', sa.Text(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("subject <> '' AND opening <> ''", name=op.f('ck_notice_texts_says_something')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_notice_texts_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_notice_texts')),
        sa.UniqueConstraint('merchant_id', 'kind', 'language', name=op.f('uq_notice_texts_merchant_id_kind_language')),
        if_not_exists=True,
    )
    op.create_index(op.f('ix_notice_texts_merchant_id'), 'notice_texts', ['merchant_id'], if_not_exists=True)
    # What customers are told in its words is put back after a restore, as legal texts are.
    op.execute('DROP TRIGGER IF EXISTS journal_insert ON notice_texts')
    op.execute(
        'CREATE TRIGGER journal_insert AFTER INSERT OR UPDATE OR DELETE ON notice_texts FOR EACH ROW '
        "EXECUTE FUNCTION journal_note('id', '{}', '{}', '{}')"
    )


def downgrade() -> None:
    op.drop_table('notice_texts')
    op.drop_column('merchants', 'notices_left_out')
