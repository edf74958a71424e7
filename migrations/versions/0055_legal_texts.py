"""A merchant's legal texts, version by version."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0055'
down_revision = '0054'


def upgrade() -> None:
    op.create_table(
        'legal_texts',
        sa.Column('kind', sa.Enum('notice', 'privacy', 'terms', name='kind', native_enum=False, create_constraint=True, length=40), nullable=False),
        sa.Column('language', sa.Text(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('valid_from', sa.Date(), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('own_text', sa.Text(), nullable=False),
        sa.Column('own_language', sa.Text(), nullable=False),
        sa.Column('answers', postgresql.JSONB(), nullable=False),
        sa.Column('actor_id', sa.Uuid(), nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('number > 0', name=op.f('ck_legal_texts_number_counts_from_one')),
        sa.CheckConstraint("text <> '' OR own_text <> ''", name=op.f('ck_legal_texts_says_something')),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_legal_texts_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_legal_texts')),
        sa.UniqueConstraint('merchant_id', 'kind', 'language', 'number', name=op.f('uq_legal_texts_merchant_id_kind_language_number')),
    )
    op.create_index(op.f('ix_legal_texts_merchant_id'), 'legal_texts', ['merchant_id'])


def downgrade() -> None:
    op.drop_table('legal_texts')
