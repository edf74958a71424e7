"""A merchant's life: suspended, leaving, the day it goes; and the set-up codes for an installation's first one."""

from alembic import op
import sqlalchemy as sa

revision = '0036'
down_revision = '0035'

CHECKS = {
    'suspended_has_a_reason': "suspended_at IS NULL OR suspended_why <> ''",
    'leaving_has_a_day': '(leaving_at IS NULL) = (gone_at IS NULL)',
    'leaving_takes_time': 'gone_at > leaving_at',
    'closed_after_its_last_day': 'closed_at >= gone_at',
    'erased_after_closing': 'erased_at >= closed_at',
}


def upgrade() -> None:
    # The default stays: a process of the older version that still runs does not know these columns.
    op.execute('ALTER TABLE merchants ADD COLUMN suspended_at timestamptz')
    op.execute("ALTER TABLE merchants ADD COLUMN suspended_why text NOT NULL DEFAULT ''")
    op.execute('ALTER TABLE merchants ADD COLUMN leaving_at timestamptz')
    op.execute('ALTER TABLE merchants ADD COLUMN gone_at timestamptz')
    op.execute('ALTER TABLE merchants ADD COLUMN closed_at timestamptz')
    op.execute('ALTER TABLE merchants ADD COLUMN erased_at timestamptz')
    for name, rule in CHECKS.items():
        op.create_check_constraint(op.f(f'ck_merchants_{name}'), 'merchants', rule)
    op.create_table(
        'setup_codes',
        sa.Column('code_hash', sa.Text(), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_setup_codes')),
        sa.UniqueConstraint('code_hash', name=op.f('uq_setup_codes_code_hash')),
    )


def downgrade() -> None:
    op.drop_table('setup_codes')
    for name in CHECKS:
        op.drop_constraint(op.f(f'ck_merchants_{name}'), 'merchants')
    for column in ('erased_at', 'closed_at', 'gone_at', 'leaving_at', 'suspended_why', 'suspended_at'):
        op.drop_column('merchants', column)
