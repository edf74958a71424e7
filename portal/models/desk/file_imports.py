"""Lines that a merchant brings as a CSV: the file in sealed parts, what each attempt has met, what was wrong."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.desk.file_imports import Brought, DateOrder, FileImportState, Wrong
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class FileImport(HasId, HasCreation, HasMerchant, Base):
    """One file. `part` is the last one that is done: it commits with what its lines did, so that no line counts twice.

    `attempt` is one check or one run: what it met and what was wrong in it stand under its number.
    """

    __tablename__ = "file_imports"
    __table_args__ = (
        CheckConstraint("done <= lines AND part <= parts", name="done_within"),
        Index("ix_file_imports_merchant_id_created_at", "merchant_id", "created_at"),
    )

    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"), index=True)
    staff_name: Mapped[str]  # who uploaded it; from a check on, who had its lines checked or imported last
    brought: Mapped[Brought] = mapped_column(words(Brought, "brought"))
    state: Mapped[FileImportState] = mapped_column(words(FileImportState, "state"), default=FileImportState.UPLOADED)
    file_name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)  # bytes of the file as it came
    encoding: Mapped[str]
    delimiter: Mapped[str]
    header: Mapped[list[str]] = mapped_column(JSONB)
    slashed: Mapped[list[int]] = mapped_column(JSONB)  # columns in which a day is written that is not ISO 8601
    columns: Mapped[list[str]] = mapped_column(JSONB)  # the field of each column, empty for none
    date_order: Mapped[DateOrder | None] = mapped_column(words(DateOrder, "date_order"))
    parts: Mapped[int]
    lines: Mapped[int]
    attempt: Mapped[int] = mapped_column(default=0)
    part: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)  # lines
    made: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    same: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    touched_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]  # since when no worker tries it any more: until somebody has it go on
    emptied_at: Mapped[datetime | None] = mapped_column(index=True)  # since when the file is gone


class FileImportPart(HasId, Base):
    """Some lines of the file, packed, and sealed for their row."""

    __tablename__ = "file_import_parts"
    __table_args__ = (UniqueConstraint("file_import_id", "number"),)

    file_import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file_imports.id", ondelete="CASCADE"))
    number: Mapped[int]
    content: Mapped[bytes]


class FileImportKey(Base):
    """Of whom an earlier line was, as a hash, and what it said, as another: nobody is to be read from it.

    Of access by hand that a check would give, the key is half a hash and half its days: others are compared with these.
    """

    __tablename__ = "file_import_keys"

    file_import_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("file_imports.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    content: Mapped[uuid.UUID]
    line: Mapped[int]


class FileImportFault(Base):
    """A line that is refused: why, in which column, and which earlier line it is at odds with."""

    __tablename__ = "file_import_faults"

    file_import_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("file_imports.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int | None]  # of the column, from 0; empty: the whole line
    why: Mapped[Wrong] = mapped_column(words(Wrong, "why"))
    other: Mapped[int | None]
