"""A letter that is open again suggests the subscription that staff had matched it to."""

from alembic import op
import sqlalchemy as sa

revision = '0020'
down_revision = '0019'

# Its notification stands in the timeline of the subscription that its end was planned for.
FOUND_BEFORE = """
    UPDATE received_requests SET suggested_subscription_id = t.subscription_id
    FROM (
        SELECT DISTINCT ON (key) key, merchant_id, subscription_id
        FROM timeline_entries WHERE kind = 'notified' ORDER BY key, at DESC, id DESC
    ) AS t
    WHERE t.key = received_requests.id::text AND t.merchant_id = received_requests.merchant_id
        AND received_requests.state = 'open' AND received_requests.subscription_id IS NULL
"""
WHILE_SOUGHT = "suggested_subscription_id IS NULL OR (state = 'open' AND subscription_id IS NULL)"


def upgrade() -> None:
    op.add_column('received_requests', sa.Column('suggested_subscription_id', sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f('fk_received_requests_suggested_subscription_id'), 'received_requests', 'subscriptions',
        ['suggested_subscription_id'], ['id'], ondelete='RESTRICT',
    )
    op.create_index(
        op.f('ix_received_requests_suggested_subscription_id'), 'received_requests', ['suggested_subscription_id']
    )
    op.execute(FOUND_BEFORE)
    op.execute(
        f'ALTER TABLE received_requests ADD CONSTRAINT ck_received_requests_suggested_while_sought '
        f'CHECK ({WHILE_SOUGHT}) NOT VALID'
    )
    op.execute('ALTER TABLE received_requests VALIDATE CONSTRAINT ck_received_requests_suggested_while_sought')


def downgrade() -> None:
    op.drop_constraint(op.f('ck_received_requests_suggested_while_sought'), 'received_requests', type_='check')
    op.drop_column('received_requests', 'suggested_subscription_id')
