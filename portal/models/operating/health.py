"""What /healthz writes, to see that the database can, and what it is told of workers: one row, written over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base


class HealthMark(Base):
    """The last write. Its filling is never compressed and lies beside the row, so that it takes pages on the disk."""

    __tablename__ = "health_marks"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    filling: Mapped[bytes]
    deaf_at: Mapped[datetime | None]  # when a worker last found that no notification reaches it
