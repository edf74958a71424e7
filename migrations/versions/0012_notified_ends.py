"""What a customer notifies is an end asked for: what the answering end says of it, and what the merchant was told."""

from alembic import op
import sqlalchemy as sa

revision = '0012'
down_revision = '0011'

WAYS = ('letter', 'email', 'telephone', 'account_page', 'other')
NEWS = ('requested', 'needs_you', 'overdue', 'late')
ADDED_NEWS = ('notified',)
FACTS = (
    'imported', 'status_seen', 'unknown_word', 'end_requested', 'end_withdrawn', 'needs_merchant', 'ended',
    'marked_abandoned', 'closed', 'end_late', 'date_given', 'late_payment', 'refund_requested', 'refunded',
    'refund_failed', 'pause_requested', 'paused', 'resume_requested', 'resumed', 'pause_refused', 'pause_withdrawn',
    'comeback_started', 'comeback_approved', 'comeback_given_up',
)
ADDED_FACTS = ('notified', 'notification_closed')

# What was known before: the end that answers a notification which came first, and those that are still open.
ANSWERED = """
    UPDATE end_requests SET notified_at = r.received_at, notified_reference = r.reference, notified_way = r.way
    FROM (
        SELECT DISTINCT ON (end_request_id) end_request_id, received_at, reference, way
        FROM received_requests WHERE state = 'matched' ORDER BY end_request_id, received_at, id
    ) AS r
    WHERE r.end_request_id = end_requests.id AND r.received_at <= end_requests.created_at
"""
STILL_OPEN = """
    INSERT INTO timeline_entries (id, merchant_id, subscription_id, at, kind, key, actor, actor_name, channel, details)
    SELECT gen_random_uuid(), r.merchant_id, r.subscription_id, r.received_at, 'notified', r.id::text, 'customer', '',
        'portal', jsonb_build_object('reference', r.reference, 'way', r.way, 'note', r.message)
    FROM received_requests r WHERE r.state = 'open' AND r.subscription_id IS NOT NULL
"""
ASKED_FOR = """
    UPDATE subscriptions SET end_requested_at = r.received_at
    FROM (
        SELECT subscription_id, min(received_at) AS received_at FROM received_requests
        WHERE state = 'open' AND subscription_id IS NOT NULL GROUP BY subscription_id
    ) AS r
    WHERE r.subscription_id = subscriptions.id AND subscriptions.end_requested_at IS NULL
"""


def upgrade() -> None:
    op.add_column('end_requests', sa.Column('notified_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('end_requests', sa.Column('notified_reference', sa.Text(), server_default='', nullable=False))
    op.add_column('end_requests', sa.Column('notified_way', sa.String(length=40), nullable=True))
    _check('end_requests', 'notified_way', f'notified_way IN ({_listed(WAYS)})')
    _check(
        'end_requests', 'notified_is_whole',
        "(notified_at IS NULL) = (notified_way IS NULL) AND (notified_at IS NULL) = (notified_reference = '')",
    )
    op.add_column('received_requests', sa.Column(
        'open_since', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False,
    ))
    op.execute('UPDATE received_requests SET open_since = created_at')
    op.add_column('merchant_news', sa.Column('received_request_id', sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f('fk_merchant_news_received_request_id'), 'merchant_news', 'received_requests',
        ['received_request_id'], ['id'], ondelete='CASCADE',
    )
    op.create_index(op.f('ix_merchant_news_received_request_id'), 'merchant_news', ['received_request_id'])
    _allow('merchant_news', NEWS + ADDED_NEWS)
    _allow('timeline_entries', FACTS + ADDED_FACTS)
    for statement in (ANSWERED, STILL_OPEN, ASKED_FOR):
        op.execute(statement)


def downgrade() -> None:
    op.execute(f'DELETE FROM timeline_entries WHERE kind IN ({_listed(ADDED_FACTS)})')
    op.execute(f'DELETE FROM merchant_news WHERE kind IN ({_listed(ADDED_NEWS)})')
    _allow('timeline_entries', FACTS)
    _allow('merchant_news', NEWS)
    op.drop_column('merchant_news', 'received_request_id')
    op.drop_column('received_requests', 'open_since')
    for name in ('notified_is_whole', 'notified_way'):
        op.drop_constraint(op.f(f'ck_end_requests_{name}'), 'end_requests', type_='check')
    for name in ('notified_way', 'notified_reference', 'notified_at'):
        op.drop_column('end_requests', name)


def _allow(table: str, kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f'ck_{table}_kind'), table, type_='check')
    _check(table, 'kind', f'kind IN ({_listed(kinds)})')


def _check(table: str, name: str, condition: str) -> None:
    """Add a check that writers obey from now on, then look at the rows there are without keeping anybody waiting."""
    op.execute(f'ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({condition}) NOT VALID')
    op.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{name}')


def _listed(words: tuple[str, ...]) -> str:
    return ', '.join(repr(word) for word in words)
