"""Portal sessions: links to a task, or to the whole space, that the merchant's own server vouches for."""

from alembic import op
import sqlalchemy as sa

revision = '0051'
down_revision = '0050'

KINDS = ('cancel', 'late', 'access', 'payments')
CHANNELS = ('portal', 'staff', 'provider', 'public_page', 'bulk', 'api')
WITH_CHANNEL = ('end_requests', 'pause_requests', 'timeline_entries')


def upgrade() -> None:
    # The defaults stay: a process of the older version that still runs does not know the columns.
    op.execute("ALTER TABLE task_links ADD COLUMN vouched_by text NOT NULL DEFAULT ''")
    op.execute('ALTER TABLE task_links ADD COLUMN locale text')
    op.add_column(
        'task_links',
        sa.Column(
            'after',
            sa.Enum('stay', 'redirect', name='after', native_enum=False, create_constraint=True, length=40),
            nullable=False,
            server_default='stay',
        ),
    )
    _kinds((*KINDS, 'none'))
    op.execute("ALTER TABLE task_links ADD CONSTRAINT ck_task_links_whole_is_vouched CHECK (kind <> 'none' OR vouched_by <> '')")
    op.execute(
        "CREATE INDEX ix_task_links_vouched ON task_links (merchant_id, created_at) WHERE vouched_by <> ''"
    )
    _channels((*CHANNELS, 'portal_session'))


def downgrade() -> None:
    # Its sessions go with it: else one that a server vouched for would be a link without its code.
    op.execute("DELETE FROM task_links WHERE vouched_by <> ''")
    op.execute('ALTER TABLE task_links DROP CONSTRAINT ck_task_links_whole_is_vouched')
    op.execute('DROP INDEX ix_task_links_vouched')
    _kinds(KINDS)
    for column in ('after', 'locale', 'vouched_by'):
        op.drop_column('task_links', column)
    for table in WITH_CHANNEL:  # it was the customer, in the portal
        op.execute(f"UPDATE {table} SET channel = 'portal' WHERE channel = 'portal_session'")
    _channels(CHANNELS)


def _kinds(kinds: tuple[str, ...]) -> None:
    _words('task_links', 'kind', kinds)


def _channels(channels: tuple[str, ...]) -> None:
    for table in WITH_CHANNEL:
        _words(table, 'channel', channels)


def _words(table: str, column: str, known: tuple[str, ...]) -> None:
    """Let the column know these words, and no other."""
    listed = ', '.join(f"'{word}'" for word in known)
    op.execute(f'ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{column}')
    op.execute(f'ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{column} CHECK ({column} IN ({listed}))')
