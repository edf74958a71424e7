"""The merchant's own reasons for leaving, the one offer beside cancelling, and what was answered to it."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal import gently

revision = '0069'
down_revision = '0068'

OFFERS = ('none', 'pause', 'link')
ANSWERS = ('accepted', 'declined', 'cancelled')


def _one_of(name, words):
    listed = ', '.join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f'{name} IN ({listed})', name=op.f(f'ck_offer_answers_{name}'))


def upgrade() -> None:
    empty = (('leaving_reasons', "'[]'::jsonb"), ('leaving_offer', "'{}'::jsonb"))
    for name, nothing in empty:
        gently.column(
            'merchants', sa.Column(name, postgresql.JSONB(), server_default=sa.text(nothing), nullable=False)
        )
    op.create_table(
        'offer_answers',
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('offer', sa.String(length=40), nullable=False),
        sa.Column('answer', sa.String(length=40), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        _one_of('offer', OFFERS),
        _one_of('answer', ANSWERS),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_offer_answers_customer_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_offer_answers_merchant_id'), ondelete='RESTRICT'),
        sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_offer_answers_subscription_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_offer_answers')),
        if_not_exists=True,
    )
    op.create_index('uq_offer_answers_subscription_id', 'offer_answers', ['subscription_id'], unique=True, if_not_exists=True)
    op.create_index(op.f('ix_offer_answers_customer_id'), 'offer_answers', ['customer_id'], if_not_exists=True)
    op.create_index(op.f('ix_offer_answers_merchant_id'), 'offer_answers', ['merchant_id'], if_not_exists=True)
    op.create_index(
        'ix_offer_answers_merchant_id_answer',
        'offer_answers',
        ['merchant_id', 'answer', 'subscription_id'],
        if_not_exists=True,
    )
    # Who said no is not asked again after a restore either.
    op.execute('DROP TRIGGER IF EXISTS journal_insert ON offer_answers')
    op.execute(
        'CREATE TRIGGER journal_insert AFTER INSERT OR UPDATE OR DELETE ON offer_answers FOR EACH ROW '
        "EXECUTE FUNCTION journal_note('id', '{}', '{}', '{subscription_id:subscriptions}')"
    )


def downgrade() -> None:
    op.drop_table('offer_answers')
    op.drop_column('merchants', 'leaving_offer')
    op.drop_column('merchants', 'leaving_reasons')
