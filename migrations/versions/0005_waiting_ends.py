"""Ends that wait for a day: notice period, wished date, a planned time that was missed."""

from alembic import op
import sqlalchemy as sa

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    op.add_column('products', sa.Column('notice_days', sa.Integer(), nullable=False, server_default='0'))
    op.alter_column('products', 'notice_days', server_default=None)
    op.create_check_constraint(op.f('ck_products_notice_days'), 'products', 'notice_days BETWEEN 0 AND 365')
    op.add_column('end_requests', sa.Column('owed_until', sa.DateTime(timezone=True), nullable=True))
    op.add_column('end_requests', sa.Column('wait_reason', sa.String(40), nullable=True))
    op.add_column('end_requests', sa.Column('late_told_at', sa.DateTime(timezone=True), nullable=True))
    # So far only a commitment made an end wait.
    op.execute(
        "UPDATE end_requests SET owed_until = s.committed_until, wait_reason = 'commitment'"
        " FROM subscriptions s WHERE s.id = subscription_id AND due_at IS NOT NULL AND s.committed_until IS NOT NULL"
    )
    op.create_check_constraint(
        op.f('ck_end_requests_wait_reason'), 'end_requests', "wait_reason IN ('commitment', 'notice', 'wish')"
    )
    op.create_check_constraint(
        op.f('ck_end_requests_waits_for_a_reason'), 'end_requests', '(owed_until IS NULL) = (wait_reason IS NULL)'
    )


def downgrade() -> None:
    op.drop_column('end_requests', 'late_told_at')
    op.drop_column('end_requests', 'wait_reason')
    op.drop_column('end_requests', 'owed_until')
    op.drop_column('products', 'notice_days')
