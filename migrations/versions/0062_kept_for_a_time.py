"""An index for each nightly look at what was kept for long enough."""


from portal import gently

revision = '0062'
down_revision = '0061'

INDEXES = (
    ('ix_sessions_expires_at', 'sessions', ['expires_at'], None),
    ('ix_login_challenges_expires_at', 'login_challenges', ['expires_at'], None),
    ('ix_task_links_expires_at', 'task_links', ['expires_at'], None),
    ('ix_throttles_window_start', 'throttles', ['window_start'], None),
    ('ix_api_replies_created_at', 'api_replies', ['created_at'], None),
    ('ix_comparison_runs_created_at', 'comparison_runs', ['created_at'], None),
    ('ix_mails_with_words', 'mails', ['merchant_id', 'created_at'], "content IS NOT NULL OR subject <> ''"),
)


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        gently.index(name, table, columns, where=where)


def downgrade() -> None:
    for name, table, _columns, _where in reversed(INDEXES):
        gently.drop_index(name, table)
