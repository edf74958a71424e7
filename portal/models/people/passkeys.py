"""Passkeys of the people at the desk, and the challenges that were answered."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId


class Passkey(HasId, HasCreation, Base):
    """A passkey of a person, wherever they work: its public half, and what is told of it. No secret is here."""

    __tablename__ = "passkeys"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 60", name="has_a_name"),
        CheckConstraint("octet_length(credential_id) BETWEEN 16 AND 1023", name="id_is_long_enough"),
    )

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]  # the person's own word for it
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]  # COSE
    sign_count: Mapped[int] = mapped_column(BigInteger)  # unsigned, 32 bits
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)  # as the browser named them
    aaguid: Mapped[uuid.UUID]  # which kind of device made it, or zeros
    last_used_at: Mapped[datetime | None]


class SpentChallenge(Base):
    """A challenge that a passkey has answered, or a merchant's site, rightly or not: it is good for nothing more."""

    __tablename__ = "spent_challenges"

    challenge_hash: Mapped[str] = mapped_column(primary_key=True)
    spent_at: Mapped[datetime]
