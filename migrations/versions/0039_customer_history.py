"""The record of a customer finds what was done with it in the chain."""

from alembic import op
import sqlalchemy as sa

revision = '0039'
down_revision = '0038'


def upgrade() -> None:
    op.create_index('ix_audit_entries_customer', 'audit_entries', ['subject_id', 'number'], postgresql_where=sa.text("subject_kind = 'customer'"))


def downgrade() -> None:
    op.drop_index('ix_audit_entries_customer', table_name='audit_entries')
