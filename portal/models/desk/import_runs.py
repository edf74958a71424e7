"""Imports from PayPal: where a run stands, so that it can be resumed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class ImportState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    STOPPED = "stopped"  # PayPal did not answer, or the run was interrupted: it resumes at `next_page`
    DONE = "done"


class ImportRun(HasId, HasCreation, HasMerchant, Base):
    """One import of plans and subscriptions; at most one unfinished run per merchant."""

    __tablename__ = "import_runs"
    __table_args__ = (
        Index("uq_import_runs_unfinished", "merchant_id", unique=True, postgresql_where=text("state <> 'done'")),
    )

    state: Mapped[ImportState] = mapped_column(words(ImportState, "state"), default=ImportState.RUNNING)
    environment: Mapped[str]
    next_page: Mapped[int] = mapped_column(default=1)
    plans_read: Mapped[int] = mapped_column(default=0)
    seen: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unreadable: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    touched_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
