"""What the database knows of its journal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnClause, Row, cast, column, func, literal_column, or_, select, table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from portal.models import AuditHead, Installation, JournalEntry


def installation(session: Session) -> Installation | None:
    """Return what this installation knows of itself."""
    return session.get(Installation, 1)


def unknown(session: Session, numbers: Collection[int]) -> set[int]:
    """Return which of these numbers no transaction of this database has committed."""
    if not numbers:
        return set()
    asked = func.unnest(cast(list(numbers), ARRAY(BigInteger))).column_valued("asked")
    known = select(JournalEntry.number).where(JournalEntry.number == asked).exists()
    return set(session.scalars(select(asked).where(~known)))


def lock_waiting(session: Session, *, before: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lock entries that have not been written since `before`: installation, number, and what is written."""
    own = table("journal_entries", column("number"), column("at"), column("waits"))
    said: ColumnClause[str] = literal_column("(to_jsonb(journal_entries) - 'waits' - 'xact')::text")
    return session.execute(
        select(select(Installation.name).scalar_subquery(), own.c.number, said)
        .where(own.c.waits, own.c.at < before)
        .order_by(own.c.number)
        .limit(limit)
        .with_for_update(of=own, skip_locked=True)
    ).all()


def oldest_waiting(session: Session) -> datetime | None:
    """Return since when something waits for its place in the journal."""
    return session.scalar(select(func.min(JournalEntry.at)).where(JournalEntry.waits))


def is_overtaken(session: Session, of_table: str, key: str, *, number: int, at: datetime) -> bool:
    """Say whether this database noted a later change of the row than that: what is there then stays."""
    later = or_(JournalEntry.number > number, JournalEntry.at > at)
    mine = JournalEntry.of_table == of_table, JournalEntry.key == key, JournalEntry.act != "seen"
    return bool(session.scalar(select(select(JournalEntry.number).where(*mine, later).exists())))


def audit_ends(session: Session) -> dict[str, int]:
    """Return by merchant where each audit chain ends."""
    return {str(row.merchant_id): row.number for row in session.scalars(select(AuditHead))}
