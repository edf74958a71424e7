"""The merchant's people at the desk, and their recovery codes."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.policies import Role
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class Staff(HasId, HasCreation, HasMerchant, Base):
    """A person at the desk: a password (Argon2id) and a second factor (TOTP), always both."""

    __tablename__ = "staff"

    email: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(words(Role, "role"), default=Role.OWNER)
    locale: Mapped[str] = mapped_column(default="fr")
    password_hash: Mapped[str]
    totp_secret: Mapped[bytes]  # sealed
    totp_last_step: Mapped[int] = mapped_column(default=0)  # a code is good once: later steps only
    disabled_at: Mapped[datetime | None]


class RecoveryCode(HasId, HasCreation, Base):
    """A code that stands in once for the second factor."""

    __tablename__ = "recovery_codes"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(unique=True)
    used_at: Mapped[datetime | None]


class StaffDevice(HasId, HasCreation, Base):
    """A browser on which a staff member has logged in: its cookie holds a token, only the hash is here."""

    __tablename__ = "staff_devices"
    __table_args__ = (UniqueConstraint("staff_id", "token_hash"),)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    token_hash: Mapped[str]
    last_seen_at: Mapped[datetime]
