"""The audit chain, and the new facts that a timeline may hold."""

from alembic import op
import sqlalchemy as sa

revision = '0004'
down_revision = '0003'

KINDS = ('imported', 'status_seen', 'unknown_word', 'end_requested', 'end_withdrawn', 'needs_merchant', 'ended', 'marked_abandoned', 'closed')
NEW_KINDS = ('end_late', 'date_given', 'late_payment', 'refund_requested', 'refunded', 'refund_failed', 'pause_requested', 'paused', 'resume_requested', 'resumed', 'pause_refused', 'pause_withdrawn', 'comeback_started', 'comeback_approved', 'comeback_given_up')


def _allow(kinds) -> None:
    op.drop_constraint(op.f('ck_timeline_entries_kind'), 'timeline_entries', type_='check')
    listed = ', '.join(repr(kind) for kind in kinds)
    op.create_check_constraint(op.f('ck_timeline_entries_kind'), 'timeline_entries', f"kind IN ({listed})")



def upgrade() -> None:
    _allow(KINDS + NEW_KINDS)


def downgrade() -> None:
    # What the older release has no word for cannot stay.
    op.execute(sa.text("DELETE FROM timeline_entries WHERE NOT kind = ANY(:kinds)").bindparams(kinds=list(KINDS)))
    _allow(KINDS)
