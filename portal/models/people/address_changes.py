"""Addresses of customers that wait for the confirmation of their own mailbox."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.people.address_changes import AddressOutcome
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class AddressChange(HasId, HasCreation, HasMerchant, Base):
    """An address asked for by staff or by the customer. At most one waits; its last mail's link confirms it."""

    __tablename__ = "address_changes"
    __table_args__ = (
        Index("uq_address_changes_open", "customer_id", unique=True, postgresql_where=text("outcome IS NULL")),
        CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name="closed_has_an_outcome"),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    email: Mapped[str]  # in its normal form
    link_hash: Mapped[str] = mapped_column(unique=True)
    asked_by: Mapped[str] = mapped_column(default="")  # a staff member's name
    by_customer: Mapped[bool] = mapped_column(default=False)
    mails: Mapped[int] = mapped_column(default=0)  # so many were written; the last one's link opens
    mailed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    outcome: Mapped[AddressOutcome | None] = mapped_column(words(AddressOutcome, "outcome"))
    closed_at: Mapped[datetime | None]

    @property
    def mail_key(self) -> str:
        """The key of its last mail."""
        return f"address-confirm:{self.id}:{self.mails}"

    def is_live(self, now: datetime) -> bool:
        """Say whether its link still confirms it."""
        return self.outcome is None and now < self.expires_at

    def close(self, outcome: AddressOutcome, *, at: datetime) -> None:
        """Let it wait no more."""
        self.outcome, self.closed_at = outcome, at
