"""What lists count and choose their pages by, from an index alone: a look at each row cost more than its page."""

from portal import gently

revision = '0073'
down_revision = '0072'

OPEN = "state IN ('calling', 'needs_merchant', 'recorded', 'retrying', 'verifying')"
INDEXES = (
    ('ix_subscriptions_merchant_id_status_customer_id', 'subscriptions', ['merchant_id', 'status', 'customer_id'], None),
    ('ix_subscriptions_plan_id_created_at', 'subscriptions', ['plan_id', 'merchant_id', 'created_at', 'id'], None),
    ('ix_subscriptions_running_plan', 'subscriptions', ['plan_id'], 'ended_at IS NULL'),
    ('ix_end_requests_due', 'end_requests', ['merchant_id', 'due_at', 'state', 'subscription_id'], OPEN),
    ('ix_end_requests_reasons', 'end_requests', ['merchant_id', 'reason_code', 'subscription_id'], "reason_code <> '' AND state <> 'withdrawn'"),
    ('ix_end_requests_late', 'end_requests', ['merchant_id', 'subscription_id'], 'late_told_at IS NOT NULL'),
)


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        gently.index(name, table, columns, where=where)
    gently.drop_index('ix_subscriptions_plan_id', 'subscriptions')


def downgrade() -> None:
    gently.index('ix_subscriptions_plan_id', 'subscriptions', ['plan_id'])
    for name, table, _columns, _where in reversed(INDEXES):
        gently.drop_index(name, table)
