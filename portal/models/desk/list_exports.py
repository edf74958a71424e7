"""Lists of the desk as files that a worker makes: what was asked for, and the file in parts."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.desk.list_exports import FileState, Format
from portal.domain.desk.list_views import List
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class ListExport(HasId, HasCreation, HasMerchant, Base):
    """One file, of who asked for it. `attempt` fences its job: one that is overtaken writes nothing any more."""

    __tablename__ = "list_exports"
    __table_args__ = (CheckConstraint("(state = 'ready') = (ready_at IS NOT NULL)", name="ready_has_a_date"),)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    of_list: Mapped[List] = mapped_column(words(List, "of_list"))
    file_format: Mapped[Format] = mapped_column(words(Format, "file_format"))
    query: Mapped[list[list[str]]] = mapped_column(JSONB)  # of the list's address; a search is never among it
    state: Mapped[FileState] = mapped_column(words(FileState, "state"), default=FileState.RUNNING)
    attempt: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(default=0)  # written so far
    total: Mapped[int | None]  # empty until they are counted
    size: Mapped[int] = mapped_column(BigInteger, default=0)  # bytes of the file
    seen_at: Mapped[datetime | None]  # all its rows are of this moment
    touched_at: Mapped[datetime]
    ready_at: Mapped[datetime | None] = mapped_column(index=True)
    failed_at: Mapped[datetime | None]  # given up: nobody makes it any more


class ListExportPart(HasId, Base):
    """A stretch of a file, packed, and sealed for its row."""

    __tablename__ = "list_export_parts"
    __table_args__ = (UniqueConstraint("export_id", "number"),)

    export_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("list_exports.id", ondelete="CASCADE"))
    number: Mapped[int]
    content: Mapped[bytes]
