"""Mails that come back: what servers report of each, and how often it was sent anew.

The defaults stay: a process of the older version that still runs does not know these columns.
"""

from alembic import op

revision = '0034'
down_revision = '0033'

STATES = ('waiting', 'sent', 'refused', 'superseded')
FACTS = (
    'imported', 'status_seen', 'unknown_word', 'notified', 'notification_closed', 'end_requested', 'end_withdrawn',
    'needs_merchant', 'ended', 'marked_abandoned', 'closed', 'end_late', 'date_given', 'late_payment',
    'refund_requested', 'refunded', 'refund_failed', 'pause_requested', 'paused', 'resume_requested', 'resumed',
    'pause_refused', 'pause_withdrawn', 'comeback_started', 'comeback_approved', 'comeback_given_up',
)
REPORTS = ('delayed', 'delivered', 'failed')


def upgrade() -> None:
    op.execute('ALTER TABLE mails ADD COLUMN rounds integer NOT NULL DEFAULT 0')
    op.execute('ALTER TABLE mails ADD COLUMN report varchar(40)')
    op.execute("ALTER TABLE mails ADD COLUMN report_code text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE mails ADD COLUMN report_words text NOT NULL DEFAULT ''")
    op.execute('ALTER TABLE mails ADD COLUMN reported_at timestamptz')
    _allow('mails', 'report', REPORTS)
    _allow('mails', 'state', (*STATES, 'returned'))
    _allow('timeline_entries', 'kind', (*FACTS, 'mail_returned'))
    op.execute("CREATE INDEX ix_mails_returned ON mails (merchant_id, created_at) WHERE state = 'returned'")


def downgrade() -> None:
    op.drop_index('ix_mails_returned', table_name='mails')
    op.execute("DELETE FROM timeline_entries WHERE kind = 'mail_returned'")
    # What the older version knows of it: the mail server had taken it.
    op.execute("UPDATE mails SET state = 'sent' WHERE state = 'returned'")
    _allow('timeline_entries', 'kind', FACTS)
    _allow('mails', 'state', STATES)
    op.execute('ALTER TABLE mails DROP CONSTRAINT ck_mails_report')
    for column in ('reported_at', 'report_words', 'report_code', 'report', 'rounds'):
        op.drop_column('mails', column)


def _allow(table: str, column: str, words: tuple[str, ...]) -> None:
    """Let a column hold those words: writers obey from now on, the rows there are looked at without a lock that waits."""
    listed = ', '.join(f"'{word}'" for word in words)
    op.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS ck_{table}_{column}')
    op.execute(f'ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{column} CHECK ({column} IN ({listed})) NOT VALID')
    op.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{column}')
