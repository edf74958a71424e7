"""What each night's run of the retention table has erased."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from portal.models.base import Base, HasCreation, HasId, HasMerchant


class RetentionRun(HasId, HasCreation, HasMerchant, Base):
    """One run for one merchant: how many of each kind are gone. Also written when nothing was due."""

    __tablename__ = "retention_runs"
    __table_args__ = (Index("ix_retention_runs_merchant_id_created_at", "merchant_id", "created_at"),)

    counts: Mapped[dict[str, Any]]  # kind → number
