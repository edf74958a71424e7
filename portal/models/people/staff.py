"""The people at the desk: who they are, for which merchants they work, how they are invited and get in."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.policies import Role
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class Staff(HasId, HasCreation, HasMerchant, Base):
    """A person at the desk: a password (Argon2id) and a second factor (TOTP), always both.

    `merchant_id`: where their next log-in leads, and in whose name they are written to. What they may do there, and
    wherever else they work, their memberships say.
    """

    __tablename__ = "staff"

    email: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str]
    locale: Mapped[str] = mapped_column(default="fr")
    password_hash: Mapped[str]
    totp_secret: Mapped[bytes]  # sealed
    totp_last_step: Mapped[int] = mapped_column(default=0)  # a code is good once: later steps only


class Membership(HasId, HasCreation, HasMerchant, Base):
    """Somebody works for a merchant, in a role; disabled, they may not come in there until it is lifted."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("staff_id", "merchant_id"),)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    role: Mapped[Role] = mapped_column(words(Role, "role"))
    disabled_at: Mapped[datetime | None]


class Invitation(HasId, HasCreation, HasMerchant, Base):
    """A link to the desk, for one address and one use: for somebody new, or a member who lost all (`staff_id`).

    A renewal opens at `starts_at` only, a day after it was asked for.  What the person has entered is kept here until
    their second factor has proven itself.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        Index(None, "merchant_id", "email"),
        CheckConstraint("(password_hash IS NULL) = (totp_secret IS NULL)", name="both_factors"),
    )

    email: Mapped[str]  # lower case
    role: Mapped[Role] = mapped_column(words(Role, "role"))
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id", ondelete="SET NULL"))  # None: the operator
    locale: Mapped[str] = mapped_column(default="fr")
    token_hash: Mapped[str] = mapped_column(unique=True)
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]  # accepted, or withdrawn: it opens nothing any more
    name: Mapped[str] = mapped_column(default="")
    password_hash: Mapped[str | None]
    totp_secret: Mapped[bytes | None]  # sealed


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
