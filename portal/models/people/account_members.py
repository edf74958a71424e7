"""The people whom a customer has let into their account, and those whom they have invited."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.people.account_members import MemberRole, MemberState, state_of
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class AccountMember(HasId, HasCreation, HasMerchant, Base):
    """Somebody beside the address on file, who logs in with a code at an address of their own.

    The link of the invitation works once; its hash stays, so that a second click is told what became of it.
    """

    __tablename__ = "account_members"
    __table_args__ = (
        Index(
            "uq_account_members_customer_id_email",
            "customer_id",
            "email",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index(
            "ix_account_members_merchant_id_email", "merchant_id", "email", postgresql_where=text("removed_at IS NULL")
        ),
        Index("ix_account_members_customer_id", "customer_id"),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    email: Mapped[str]  # in its normal form (domain/people/email_addresses.py)
    name: Mapped[str] = mapped_column(default="")
    role: Mapped[MemberRole] = mapped_column(words(MemberRole, "role"))
    locale: Mapped[str | None]  # the language they were invited in, then the one they read
    # Who invited: None for the address on file.
    invited_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("account_members.id", ondelete="SET NULL"), index=True
    )
    invited_at: Mapped[datetime]  # last: an invitation can be sent again
    token_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]  # of the link
    accepted_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    def state(self, now: datetime) -> MemberState:
        """Where it stands."""
        return state_of(accepted_at=self.accepted_at, removed_at=self.removed_at, expires_at=self.expires_at, now=now)
