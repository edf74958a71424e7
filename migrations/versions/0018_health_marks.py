"""What /healthz writes, to see that the database can."""

from alembic import op
import sqlalchemy as sa

revision = '0018'
down_revision = '0017'


def upgrade() -> None:
    op.create_table('health_marks',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('filling', sa.LargeBinary(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_health_marks_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_health_marks'))
    )
    op.execute("ALTER TABLE health_marks ALTER COLUMN filling SET STORAGE EXTERNAL")  # zeros would shrink to nothing


def downgrade() -> None:
    op.drop_table('health_marks')
