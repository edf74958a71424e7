"""A person at the desk may work for several merchants, each in a role of its own; people are invited, and get in again.

Going back, whoever works for several stays where they worked last, and a manager becomes support.
"""

from alembic import op
import sqlalchemy as sa

revision = '0027'
down_revision = '0026'

ROLES = "role IN ('reader', 'support', 'manager', 'owner')"
OLD_ROLES = "role IN ('reader', 'support', 'owner')"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'memberships',
        sa.Column('staff_id', sa.Uuid(), sa.ForeignKey('staff.id', name='fk_memberships_staff_id', ondelete='CASCADE'), nullable=False),
        sa.Column('role', sa.String(40), nullable=False),
        sa.Column('disabled_at', MOMENT),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), sa.ForeignKey('merchants.id', name='fk_memberships_merchant_id', ondelete='RESTRICT'), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_memberships'),
        sa.UniqueConstraint('staff_id', 'merchant_id', name='uq_memberships_staff_id_merchant_id'),
        sa.CheckConstraint(ROLES, name=op.f('ck_memberships_role')),
    )
    op.create_index('ix_memberships_merchant_id', 'memberships', ['merchant_id'])
    op.execute(
        'INSERT INTO memberships (id, staff_id, merchant_id, role, disabled_at, created_at)'
        ' SELECT gen_random_uuid(), id, merchant_id, role, disabled_at, created_at FROM staff'
    )
    op.drop_column('staff', 'role')
    op.drop_column('staff', 'disabled_at')
    op.create_table(
        'invitations',
        sa.Column('email', sa.Text(), nullable=False),
        sa.Column('role', sa.String(40), nullable=False),
        sa.Column('staff_id', sa.Uuid(), sa.ForeignKey('staff.id', name='fk_invitations_staff_id', ondelete='CASCADE')),
        sa.Column('by_id', sa.Uuid(), sa.ForeignKey('staff.id', name='fk_invitations_by_id', ondelete='SET NULL')),
        sa.Column('locale', sa.Text(), nullable=False),
        sa.Column('token_hash', sa.Text(), nullable=False),
        sa.Column('starts_at', MOMENT, nullable=False),
        sa.Column('expires_at', MOMENT, nullable=False),
        sa.Column('closed_at', MOMENT),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('password_hash', sa.Text()),
        sa.Column('totp_secret', sa.LargeBinary()),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), sa.ForeignKey('merchants.id', name='fk_invitations_merchant_id', ondelete='RESTRICT'), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_invitations'),
        sa.UniqueConstraint('token_hash', name='uq_invitations_token_hash'),
        sa.CheckConstraint(ROLES, name=op.f('ck_invitations_role')),
        sa.CheckConstraint('(password_hash IS NULL) = (totp_secret IS NULL)', name=op.f('ck_invitations_both_factors')),
    )
    op.create_index('ix_invitations_merchant_id_email', 'invitations', ['merchant_id', 'email'])
    op.create_index('ix_invitations_merchant_id', 'invitations', ['merchant_id'])
    op.create_index('ix_invitations_staff_id', 'invitations', ['staff_id'])
    viewer = sa.ForeignKey('staff.id', name='fk_sessions_viewer_id', ondelete='CASCADE')
    op.add_column('sessions', sa.Column('viewer_id', sa.Uuid(), viewer))
    op.create_index('ix_sessions_viewer_id', 'sessions', ['viewer_id'])
    op.drop_constraint('ck_bulk_acts_role', 'bulk_acts')
    op.create_check_constraint(op.f('ck_bulk_acts_role'), 'bulk_acts', ROLES)
    rename('staff_unlocks', 'staff_links')
    op.add_column('staff_links', sa.Column('purpose', sa.String(40), nullable=False, server_default='log_in'))
    op.alter_column('staff_links', 'purpose', server_default=None)
    op.create_check_constraint(op.f('ck_staff_links_purpose'), 'staff_links', "purpose IN ('log_in', 'password')")


def downgrade() -> None:
    op.execute("DELETE FROM staff_links WHERE purpose <> 'log_in'")
    op.drop_constraint('ck_staff_links_purpose', 'staff_links')
    op.drop_column('staff_links', 'purpose')
    rename('staff_links', 'staff_unlocks')
    op.execute("UPDATE bulk_acts SET role = 'support' WHERE role = 'manager'")
    op.drop_constraint('ck_bulk_acts_role', 'bulk_acts')
    op.create_check_constraint(op.f('ck_bulk_acts_role'), 'bulk_acts', OLD_ROLES)
    op.drop_table('invitations')
    op.execute('DELETE FROM sessions WHERE viewer_id IS NOT NULL')
    op.drop_column('sessions', 'viewer_id')
    op.add_column('staff', sa.Column('role', sa.String(40)))
    op.add_column('staff', sa.Column('disabled_at', MOMENT))
    op.execute(
        "UPDATE staff SET role = CASE m.role WHEN 'manager' THEN 'support' ELSE m.role END, disabled_at = m.disabled_at"
        ' FROM memberships m WHERE m.staff_id = staff.id AND m.merchant_id = staff.merchant_id'
    )
    op.execute(
        "UPDATE staff SET role = CASE m.role WHEN 'manager' THEN 'support' ELSE m.role END,"
        ' merchant_id = m.merchant_id, disabled_at = NULL'
        ' FROM (SELECT DISTINCT ON (staff_id) staff_id, merchant_id, role FROM memberships'
        ' WHERE disabled_at IS NULL ORDER BY staff_id, created_at) m'
        ' WHERE m.staff_id = staff.id AND (staff.role IS NULL OR staff.disabled_at IS NOT NULL)'
    )
    # Whoever has left every team keeps their name in what they did, and stays out.
    op.execute("UPDATE staff SET role = 'reader', disabled_at = now() WHERE role IS NULL")
    op.alter_column('staff', 'role', nullable=False)
    op.create_check_constraint(op.f('ck_staff_role'), 'staff', OLD_ROLES)
    op.drop_table('memberships')


def rename(old: str, new: str) -> None:
    op.rename_table(old, new)
    op.execute(f'ALTER INDEX ix_{old}_email_created_at RENAME TO ix_{new}_email_created_at')
    for constraint in ('pk_{}', 'uq_{}_link_hash', 'fk_{}_staff_id'):
        op.execute(f'ALTER TABLE {new} RENAME CONSTRAINT {constraint.format(old)} TO {constraint.format(new)}')
