"""Everything of a merchant as one archive that its owner asked for: how far it is, and the file in sealed parts."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.desk.list_exports import FileState
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class MerchantArchive(HasId, HasCreation, HasMerchant, Base):
    """One archive. `attempt` fences its job: one that is overtaken writes nothing any more."""

    __tablename__ = "merchant_archives"
    __table_args__ = (CheckConstraint("(state = 'ready') = (ready_at IS NOT NULL)", name="ready_has_a_date"),)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    state: Mapped[FileState] = mapped_column(words(FileState, "state"), default=FileState.RUNNING)
    attempt: Mapped[int] = mapped_column(default=0)
    tables: Mapped[int] = mapped_column(default=0)  # written so far
    of_tables: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(BigInteger, default=0)
    size: Mapped[int] = mapped_column(BigInteger, default=0)  # bytes of the file
    touched_at: Mapped[datetime]
    ready_at: Mapped[datetime | None] = mapped_column(index=True)
    failed_at: Mapped[datetime | None]  # given up: nobody makes it any more


class MerchantArchivePart(HasId, Base):
    """A stretch of the archive, sealed for its row."""

    __tablename__ = "merchant_archive_parts"
    __table_args__ = (UniqueConstraint("archive_id", "number"),)

    archive_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("merchant_archives.id", ondelete="CASCADE"))
    number: Mapped[int]
    content: Mapped[bytes]
