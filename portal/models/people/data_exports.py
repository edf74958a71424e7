"""The archive of their own data that a customer asked for."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class ExportState(StrEnum):
    """Where it stands."""

    WAITING = "waiting"
    READY = "ready"


class DataExport(HasId, HasCreation, HasMerchant, Base):
    """One archive; at most one waits for each customer. `content` is sealed for its own row."""

    __tablename__ = "data_exports"
    __table_args__ = (
        Index("uq_data_exports_waiting", "customer_id", unique=True, postgresql_where=text("state = 'waiting'")),
        CheckConstraint("(state = 'ready') = (content IS NOT NULL AND ready_at IS NOT NULL)", name="ready_is_whole"),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    state: Mapped[ExportState] = mapped_column(words(ExportState, "state"), default=ExportState.WAITING)
    language: Mapped[str]  # of what explains it
    content: Mapped[bytes | None] = mapped_column(deferred=True)
    size: Mapped[int] = mapped_column(default=0)  # bytes of the archive
    ready_at: Mapped[datetime | None] = mapped_column(index=True)
    failed_at: Mapped[datetime | None]  # given up: nobody makes it any more
