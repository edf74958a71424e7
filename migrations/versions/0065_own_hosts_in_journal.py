"""A merchant's own host is noted for the journal: one that was given up does not come back with a backup.

And links and attempts to come back bring the subscription along that they refer to: it may be newer than the backup.
"""

from alembic import op

revision = '0065'
down_revision = '0064'

CARRIED = 'claimed_at,attempts,next_try_at,trouble,answer'
# table: columns whose change alone is told to nobody, rows that are noted with it
NEW = {
    'own_hosts': ('checked_at,fault,failing_since', ''),
    'comebacks': (CARRIED, 'customer_id:customers,subscription_id:subscriptions'),
    'task_links': ('', 'customer_id:customers,subscription_id:subscriptions'),
}
OLD = {'comebacks': (CARRIED, ''), 'task_links': ('', 'customer_id:customers')}


def _watch(table: str, ignored: str, leads: str) -> None:
    op.execute(
        f'CREATE OR REPLACE TRIGGER journal_insert AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW'
        f" EXECUTE FUNCTION journal_note('id', '{{{ignored}}}', '{{}}', '{{{leads}}}')"
    )


def upgrade() -> None:
    for table, rule in NEW.items():
        _watch(table, *rule)


def downgrade() -> None:
    op.execute('DROP TRIGGER journal_insert ON own_hosts')
    for table, rule in OLD.items():
        _watch(table, *rule)
