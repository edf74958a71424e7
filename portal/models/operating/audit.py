"""The audit chain: one row per state change and sensitive act, and where each merchant's chain ends."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.audit import Entry
from portal.domain.policies import Actor
from portal.models.base import Base, words


class AuditEntry(Base):
    """One row. The database refuses to change or delete it; no personal data stands in it (docs/decisions/0007)."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_customer", "subject_id", "number", postgresql_where=text("subject_kind = 'customer'")),
    )

    merchant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("merchants.id", ondelete="RESTRICT"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    act: Mapped[str]
    actor: Mapped[Actor] = mapped_column(words(Actor, "actor"))
    actor_id: Mapped[
        uuid.UUID | None
    ]  # staff's, a customer's or one of their people's; no reference, so that they can be erased
    channel: Mapped[str | None]
    subject_kind: Mapped[str]
    subject_id: Mapped[uuid.UUID | None]
    details: Mapped[dict[str, Any]]
    previous_hash: Mapped[str]
    hash: Mapped[str]

    @property
    def entry(self) -> Entry:
        """Return what the hash covers."""
        return Entry(
            merchant_id=self.merchant_id,
            number=self.number,
            at=self.at,
            act=self.act,
            actor=self.actor,
            actor_id=self.actor_id,
            channel=self.channel,
            subject_kind=self.subject_kind,
            subject_id=self.subject_id,
            details=self.details,
            previous_hash=self.previous_hash,
        )


class AuditHead(Base):
    """The last row of a merchant's chain: tells when rows are missing at the end. The database lets it only advance."""

    __tablename__ = "audit_heads"

    merchant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("merchants.id", ondelete="RESTRICT"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]
