"""What the database knows of its journal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnClause, Row, cast, column, exists, func, literal_column, or_, select, table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from portal.extensions import UtcDateTime
from portal.models import AuditHead, Installation, JournalEntry


def installation(session: Session) -> Installation | None:
    """Return what this installation knows of itself."""
    return session.get(Installation, 1)


def unknown(session: Session, entries: Collection[tuple[int, str]]) -> set[tuple[int, datetime]]:
    """Return which entries, by number and moment, no transaction of this database has committed.

    The moment tells two apart that bear one number: a restored database begins to count where it was.
    """
    if not entries:
        return set()
    numbers, moments = zip(*((number, datetime.fromisoformat(at)) for number, at in entries), strict=True)
    asked = (
        func.unnest(cast(list(numbers), ARRAY(BigInteger)), cast(list(moments), ARRAY(UtcDateTime)))
        .table_valued("number", "at")
        .render_derived()
    )
    known = exists().where(JournalEntry.number == asked.c.number, JournalEntry.at == asked.c.at)
    return {(row.number, row.at) for row in session.execute(select(asked.c.number, asked.c.at).where(~known))}


def lock_waiting(session: Session, *, before: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lock entries that were not written since `before`: installation, number, moment, and what is written."""
    moment: ColumnClause[str] = literal_column("to_jsonb(at) #>> '{}'")
    own = table("journal_entries", column("number"), column("at"), column("waits"))
    said: ColumnClause[str] = literal_column("(to_jsonb(journal_entries) - 'waits' - 'xact')::text")
    return session.execute(
        select(select(Installation.name).scalar_subquery(), own.c.number, moment, said)
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
