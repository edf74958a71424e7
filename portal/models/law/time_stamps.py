"""Outside time stamps (RFC 3161), asked for and got: of the audit chain's end once a day, and of each proof."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant


class TimeStamp(HasId, HasCreation, HasMerchant, Base):
    """One stamp, of a row of the chain or of a proof. Until `reply` is there it waits for the authority."""

    __tablename__ = "time_stamps"
    __table_args__ = (
        UniqueConstraint("merchant_id", "number"),
        UniqueConstraint("proof_id"),
        CheckConstraint("(number IS NULL) <> (proof_id IS NULL)", name="of_one_thing"),
        CheckConstraint("(number IS NULL) = (hash IS NULL)", name="a_row_has_a_hash"),
        CheckConstraint("(reply IS NULL) = (stamped_at IS NULL)", name="a_reply_has_a_moment"),
        Index("ix_time_stamps_waiting", "next_try_at", postgresql_where=text("reply IS NULL")),
    )

    number: Mapped[int | None] = mapped_column(BigInteger)  # of the chain's row, with its hash
    hash: Mapped[str | None]
    proof_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("proofs.id", ondelete="CASCADE"))
    reply: Mapped[bytes | None]  # the authority's answer as it came: no secret
    stamped_at: Mapped[datetime | None]  # the moment that it signed
    next_try_at: Mapped[datetime]
    failed: Mapped[int] = mapped_column(default=0)  # tries
    problem: Mapped[str] = mapped_column(default="")  # of the last try (providers.time_stamps)
