"""What a bulk act is about may be gathered by a worker: its states, and what was counted."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0031'
down_revision = '0030'

STATES = "state IN ('preparing', 'unfit', 'draft', 'running', 'stopped', 'done', 'dropped')"
OLD_STATES = "state IN ('draft', 'running', 'stopped', 'done', 'dropped')"
HAS_A_DATE = "(state IN ('preparing', 'unfit', 'draft')) = (confirmed_at IS NULL)"
HAD_A_DATE = "(state = 'draft') = (confirmed_at IS NULL)"


def checks(states: str, has_a_date: str) -> None:
    for name, rule in (('state', states), ('confirmed_has_a_date', has_a_date)):
        op.drop_constraint(op.f(f'ck_bulk_acts_{name}'), 'bulk_acts')
        op.create_check_constraint(op.f(f'ck_bulk_acts_{name}'), 'bulk_acts', rule)


def upgrade() -> None:
    op.add_column('bulk_acts', sa.Column('counts', postgresql.JSONB(), nullable=True))
    checks(STATES, HAS_A_DATE)


def downgrade() -> None:
    op.execute("DELETE FROM bulk_acts WHERE state IN ('preparing', 'unfit')")  # nobody has confirmed them
    checks(OLD_STATES, HAD_A_DATE)
    op.drop_column('bulk_acts', 'counts')
