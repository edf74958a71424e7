"""The audit chain, and the new facts that a timeline may hold."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'


KINDS = ('imported', 'status_seen', 'unknown_word', 'end_requested', 'end_withdrawn', 'needs_merchant', 'ended', 'marked_abandoned', 'closed')
NEW_KINDS = ('end_late', 'date_given', 'late_payment', 'refund_requested', 'refunded', 'refund_failed', 'pause_requested', 'paused', 'resume_requested', 'resumed', 'pause_refused', 'pause_withdrawn', 'comeback_started', 'comeback_approved', 'comeback_given_up')


def _allow(kinds) -> None:
    op.drop_constraint(op.f('ck_timeline_entries_kind'), 'timeline_entries', type_='check')
    listed = ', '.join(repr(kind) for kind in kinds)
    op.create_check_constraint(op.f('ck_timeline_entries_kind'), 'timeline_entries', f"kind IN ({listed})")


# The owner of the tables can still drop a trigger; the chain of hashes tells what he did then (docs/decisions/0007).
# « ALWAYS »: also in a session that replicates.
GUARDS = (
    """
    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit chain is only ever appended to: % of % refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE FUNCTION audit_advance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.merchant_id <> OLD.merchant_id OR NEW.number <= OLD.number THEN
            RAISE EXCEPTION 'the end of an audit chain only ever advances'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_entries_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
    """,
    """
    CREATE TRIGGER audit_heads_kept BEFORE DELETE OR TRUNCATE ON audit_heads
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
    """,
    """
    CREATE TRIGGER audit_heads_advance BEFORE UPDATE ON audit_heads
        FOR EACH ROW EXECUTE FUNCTION audit_advance()
    """,
    "ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_kept",
    "ALTER TABLE audit_heads ENABLE ALWAYS TRIGGER audit_heads_kept",
    "ALTER TABLE audit_heads ENABLE ALWAYS TRIGGER audit_heads_advance",
)


def upgrade() -> None:
    _allow(KINDS + NEW_KINDS)
    op.create_table('audit_entries',
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('act', sa.Text(), nullable=False),
    sa.Column('actor', sa.Enum('customer', 'staff', 'system', 'provider', name='actor', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('channel', sa.Text(), nullable=True),
    sa.Column('subject_kind', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=True),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('previous_hash', sa.Text(), nullable=False),
    sa.Column('hash', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_audit_entries_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('merchant_id', 'number', name=op.f('pk_audit_entries'))
    )
    op.create_table('audit_heads',
    sa.Column('merchant_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_audit_heads_merchant_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('merchant_id', name=op.f('pk_audit_heads'))
    )
    for statement in GUARDS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table('audit_heads')
    op.drop_table('audit_entries')
    op.execute("DROP FUNCTION audit_advance()")
    op.execute("DROP FUNCTION audit_refuse()")
    # What the older release has no word for cannot stay.
    op.execute(sa.text("DELETE FROM timeline_entries WHERE NOT kind = ANY(:kinds)").bindparams(kinds=list(KINDS)))
    _allow(KINDS)
