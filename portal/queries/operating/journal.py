"""What the database knows of its journal."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    Connection,
    Row,
    Select,
    Table,
    Text,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from portal.extensions import UtcDateTime
from portal.models import AuditHead, EndRequest, Installation, JournalEntry, Merchant

PUT_BACK: Final = 0  # in the place of a transaction's number: a recovery wrote it, from the journal


def installation(session: Session) -> Installation | None:
    """Return what this installation knows of itself."""
    return session.get(Installation, 1)


def restored_at(session: Session) -> datetime | None:
    """Return since when it is known that the database was restored; None when it was not, or was recovered."""
    return session.scalar(select(Installation.restored_at))


def is_noted(session: Session) -> bool:
    """Say whether the database notes what a journal is written from."""
    return bool(session.scalar(select(Installation.journals)))


def is_alone(connection: Connection, key: int) -> bool:
    """Take the advisory lock of that key, for as long as the connection lives; False where somebody else has it."""
    return bool(connection.scalar(select(func.pg_try_advisory_lock(key))))


def let_others(connection: Connection, key: int) -> None:
    """Give the advisory lock back."""
    connection.execute(select(func.pg_advisory_unlock(key)))


def count_from(session: Session, number: int) -> None:
    """Give no entry a number up to this one any more: the journal has them."""
    sequence = func.pg_get_serial_sequence("journal_entries", "number")
    session.execute(select(func.setval(sequence, func.greatest(number, func.nextval(sequence)))))


def note_nothing(session: Session) -> None:
    """Have the triggers keep still until the transaction ends."""
    session.execute(select(func.set_config("portal.journal", "off", True)))


def lock_open_others(session: Session, subscription_id: uuid.UUID, request_id: uuid.UUID) -> Sequence[EndRequest]:
    """Lock the open requests of a subscription but for that one."""
    return session.scalars(
        select(EndRequest)
        .where(EndRequest.subscription_id == subscription_id, EndRequest.id != request_id)
        .where(EndRequest.state.in_(EndRequest.open_states))
        .with_for_update(key_share=True)
    ).all()


def done_since(session: Session, of_table: Table, once: Sequence[str], image: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Lock the other rows that say what an image says, by the columns of which there is one row alone: whole rows."""
    own = of_table.c
    same = (own[name] == cast(literal(image[name], Text), own[name].type) for name in once)
    others = select(of_table).where(own.id != cast(literal(image["id"], Text), own.id.type), *same)
    return session.execute(others.with_for_update(key_share=True)).all()


def merchant_ids(session: Session) -> Sequence[uuid.UUID]:
    """Return every merchant there ever was."""
    return session.scalars(select(Merchant.id).order_by(Merchant.id)).all()


def unknown(session: Session, entries: Collection[tuple[int, str]], *, days: int) -> set[tuple[int, datetime]]:
    """Return which entries, by number and moment, no transaction of this database has committed.

    The moment tells two apart that bear one number: a restored database begins to count where it was.  Of what is
    older than so many days the database may have forgotten that it knew it, though its segment still lies there.
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
    is_recent = asked.c.at > func.now() - timedelta(days=days)
    rows = session.execute(select(asked.c.number, asked.c.at).where(is_recent, ~known))
    return {(row.number, row.at) for row in rows}


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
        .with_for_update(of=own, key_share=True, skip_locked=True)
    ).all()


def oldest_waiting(session: Session) -> datetime | None:
    """Return since when something waits for its place in the journal."""
    return session.scalar(select(func.min(JournalEntry.at)).where(JournalEntry.waits))


def first_put_back(session: Session) -> int | None:
    """Return the lowest number among what recoveries have put back here."""
    return session.scalar(select(func.min(JournalEntry.number)).where(JournalEntry.xact == PUT_BACK))


def is_overtaken(session: Session, of_table: str, key: str, *, number: int, at: datetime, since: int) -> bool:
    """Say whether this database noted a later change of the row than that: what is there then stays.

    After a restore that nobody noticed numbers begin again, and moments tell which is later; from the number `since`
    on, as what was noted before it is the backup's own.  What was put back tells by its number alone: clocks step back.
    """
    noted_here = and_(JournalEntry.number >= since, JournalEntry.xact != PUT_BACK)
    later = or_(JournalEntry.number > number, and_(JournalEntry.at > at, noted_here))
    mine = JournalEntry.of_table == of_table, JournalEntry.key == key, JournalEntry.act != "seen"
    return bool(session.scalar(select(select(JournalEntry.number).where(*mine, later).exists())))


def audit_ends(session: Session) -> dict[str, int]:
    """Return by merchant where each audit chain ends."""
    return {str(row.merchant_id): row.number for row in session.scalars(select(AuditHead))}


def as_row(of_table: Table, names: Sequence[str], image: Mapping[str, Any]) -> Select[Any]:
    """Return a row of the table as its image says, column by column, for the database to read by its own types."""
    empty: ColumnClause[Any] = literal_column(f"NULL::{of_table.name}")
    given = func.jsonb_populate_record(empty, cast(dict(image), JSONB)).table_valued(*names)
    return select(*(given.c[name] for name in names))
