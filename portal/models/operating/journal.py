"""What the journal outside the database is written from, and what this installation knows of itself."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base

_FILLED: Final = text("gen_random_uuid()")


class Installation(Base):
    """One row: which installation this database is, whether it keeps a journal, whether it was restored."""

    __tablename__ = "installations"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[uuid.UUID] = mapped_column(server_default=_FILLED)  # each segment of the journal bears it
    journals: Mapped[bool] = mapped_column(server_default=text("false"))
    restored_at: Mapped[datetime | None]  # the journal was found to know more; empty again once it was recovered
    restored_why: Mapped[str] = mapped_column(server_default="")
    recovered_at: Mapped[datetime | None]  # the last time
    adopted: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))  # names that are its, too

    @property
    def names(self) -> frozenset[str]:
        """The names that its segments bear."""
        return frozenset({self.name.hex, *self.adopted})


class JournalEntry(Base):
    """A change that somebody is told of. Triggers write it (migration 0064), in the transaction of the change.

    Once it stands in the journal its image goes, and the row says that this database knows of it.
    """

    __tablename__ = "journal_entries"
    __table_args__ = (
        Index("ix_journal_entries_waits", "xact", postgresql_where=text("waits")),
        Index("ix_journal_entries_row", "of_table", "key"),
        Index("ix_journal_entries_at", "at"),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    # Two may bear one number: a restored database begins to count where it was.
    at: Mapped[datetime] = mapped_column(primary_key=True, server_default=text("clock_timestamp()"))
    xact: Mapped[int] = mapped_column(BigInteger, server_default=text("(pg_current_xact_id()::text)::bigint"))
    of_table: Mapped[str]
    key: Mapped[str]
    act: Mapped[str]  # is, gone, or seen: a row that another one refers to
    image: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    waits: Mapped[bool] = mapped_column(server_default=text("true"))  # for its place in the journal
