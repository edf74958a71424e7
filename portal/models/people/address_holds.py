"""Changes of address that customers made, each with the link by which the former address holds it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.people.address_holds import HoldOutcome, HoldState, state_of
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class AddressHold(HasId, HasCreation, HasMerchant, Base):
    """A change that counts, and may be held for a week from the mailbox that it left; staff then decide."""

    __tablename__ = "address_holds"
    __table_args__ = (
        CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="decided_has_an_outcome"),
        Index(
            "ix_address_holds_waiting",
            "merchant_id",
            "held_at",
            postgresql_where=text("held_at IS NOT NULL AND outcome IS NULL"),
        ),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    former_email: Mapped[str]  # in its normal form, as the other one
    email: Mapped[str]
    link_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    held_at: Mapped[datetime | None]
    outcome: Mapped[HoldOutcome | None] = mapped_column(words(HoldOutcome, "outcome"))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(default="")  # a staff member's name

    def state(self, now: datetime) -> HoldState:
        """Where it stands."""
        return state_of(held_at=self.held_at, outcome=self.outcome, expires_at=self.expires_at, now=now)

    def decide(self, outcome: HoldOutcome, *, by: str = "", at: datetime) -> None:
        """Write what staff decided."""
        self.outcome, self.decided_by, self.decided_at = outcome, by, at
