"""Where PayPal reports to us is noted for the journal: merchants enter that address at PayPal by hand.

What comes and goes with each look and each message is told to nobody.
"""

from alembic import op

revision = '0077'
down_revision = '0076'

# Columns whose change alone is told to nobody.
IGNORED = (
    'registered_at,checked_at,trouble,debug_id,last_refused_at,last_refusal,refused_count,'
    'test_asked_at,test_seen_at,last_fetch'
)


def upgrade() -> None:
    op.execute(
        'CREATE OR REPLACE TRIGGER journal_insert AFTER INSERT OR UPDATE OR DELETE ON webhook_endpoints FOR EACH ROW'
        f" EXECUTE FUNCTION journal_note('id', '{{{IGNORED}}}', '{{}}', '{{}}')"
    )


def downgrade() -> None:
    op.execute('DROP TRIGGER journal_insert ON webhook_endpoints')
