"""Log-ins that no stranger can shut: browsers that asked, links that unlock the desk's log-in, known devices."""

from alembic import op
import sqlalchemy as sa

revision = '0016'
down_revision = '0015'

BROWSERS = """
    INSERT INTO login_browsers (challenge_id, browser_hash, asked_at, attempts, next_path)
    SELECT id, browser_hash, created_at, attempts, next_path FROM login_challenges
"""
FIRST_BROWSERS = """
    UPDATE login_challenges SET browser_hash = b.browser_hash, attempts = b.attempts, next_path = b.next_path
    FROM (
        SELECT DISTINCT ON (challenge_id) challenge_id, browser_hash, attempts, next_path
        FROM login_browsers ORDER BY challenge_id, asked_at
    ) b
    WHERE b.challenge_id = login_challenges.id
"""


def upgrade() -> None:
    op.create_table('login_browsers',
    sa.Column('challenge_id', sa.Uuid(), nullable=False),
    sa.Column('browser_hash', sa.Text(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_path', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['challenge_id'], ['login_challenges.id'], name=op.f('fk_login_browsers_challenge_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('challenge_id', 'browser_hash', name=op.f('pk_login_browsers'))
    )
    op.execute(BROWSERS)
    op.create_index(op.f('ix_login_browsers_browser_hash'), 'login_browsers', ['browser_hash'], unique=False)
    op.drop_index(op.f('ix_login_challenges_browser_hash'), table_name='login_challenges')
    for column in ('browser_hash', 'attempts', 'next_path'):
        op.drop_column('login_challenges', column)
    op.add_column('login_challenges', sa.Column('network', sa.Text(), server_default='', nullable=False))
    op.create_index(op.f('ix_login_challenges_merchant_id_email_created_at'), 'login_challenges', ['merchant_id', 'email', 'created_at'], unique=False)
    op.create_table('staff_unlocks',
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('staff_id', sa.Uuid(), nullable=True),
    sa.Column('link_hash', sa.Text(), nullable=False),
    sa.Column('network', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('consumed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_staff_unlocks_staff_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_unlocks')),
    sa.UniqueConstraint('link_hash', name=op.f('uq_staff_unlocks_link_hash'))
    )
    op.create_index(op.f('ix_staff_unlocks_email_created_at'), 'staff_unlocks', ['email', 'created_at'], unique=False)
    op.create_table('staff_devices',
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_staff_devices_staff_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_devices')),
    sa.UniqueConstraint('staff_id', 'token_hash', name=op.f('uq_staff_devices_staff_id_token_hash'))
    )


def downgrade() -> None:
    op.drop_table('staff_devices')
    op.drop_table('staff_unlocks')
    op.drop_index(op.f('ix_login_challenges_merchant_id_email_created_at'), table_name='login_challenges')
    op.drop_column('login_challenges', 'network')
    for name, kind, default in (('browser_hash', sa.Text(), ''), ('attempts', sa.Integer(), '0'), ('next_path', sa.Text(), '')):
        op.add_column('login_challenges', sa.Column(name, kind, server_default=default, nullable=False))
    op.execute(FIRST_BROWSERS)
    for name in ('browser_hash', 'attempts', 'next_path'):
        op.alter_column('login_challenges', name, server_default=None)
    op.create_index(op.f('ix_login_challenges_browser_hash'), 'login_challenges', ['browser_hash'], unique=False)
    op.drop_table('login_browsers')
