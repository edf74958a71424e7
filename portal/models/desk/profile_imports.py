"""Lists of classic profile ids (there is no list call, FACTS.md 3.1): read one by one, a result per row."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant, words
from portal.models.desk.import_runs import ImportState


class ProfileRowState(StrEnum):
    """What became of one row of the list."""

    WAITING = "waiting"
    ADDED = "added"
    KNOWN = "known"  # it was here already, and was brought up to date
    FAILED = "failed"


class ProfileImport(HasId, HasCreation, HasMerchant, Base):
    """One uploaded list; at most one unfinished list per merchant."""

    __tablename__ = "profile_imports"
    __table_args__ = (
        Index("uq_profile_imports_unfinished", "merchant_id", unique=True, postgresql_where=text("state <> 'done'")),
        Index("ix_profile_imports_merchant_id_created_at", "merchant_id", "created_at"),
    )

    environment: Mapped[str]
    file_name: Mapped[str]
    state: Mapped[ImportState] = mapped_column(words(ImportState, "state"), default=ImportState.RUNNING)
    total: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    touched_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ProfileImportRow(HasId, Base):
    """One line of the list. `reason` is one word that the page has a sentence for."""

    __tablename__ = "profile_import_rows"
    __table_args__ = (
        UniqueConstraint("profile_import_id", "line", name="uq_profile_import_rows_line"),
        Index("ix_profile_import_rows_state", "profile_import_id", "state", "line"),
    )

    profile_import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("profile_imports.id", ondelete="CASCADE"))
    line: Mapped[int]  # as counted in the file, from 1
    profile_id: Mapped[str]
    external_id: Mapped[str | None]  # the merchant's own of the customer, until it is written there
    state: Mapped[ProfileRowState] = mapped_column(words(ProfileRowState, "state"), default=ProfileRowState.WAITING)
    reason: Mapped[str] = mapped_column(default="")
