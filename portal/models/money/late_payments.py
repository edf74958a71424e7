"""Payments that came after an end: one row per payment, whoever reported it and how often."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.money.late_payments import LateState
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words
from portal.models.money.payments import Payment
from portal.models.subscriptions import Subscription


class LatePayment(HasId, HasCreation, HasMerchant, Base):
    """An alarm, or a debt that was told apart from one. `created_at` is when it was seen here."""

    __tablename__ = "late_payments"
    __table_args__ = (
        UniqueConstraint("payment_id", name="uq_late_payments_payment_id"),
        CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled_has_a_date"),
        CheckConstraint("state <> 'explained' OR reason <> ''", name="explained_has_a_reason"),
        Index("ix_late_payments_open", "merchant_id", "created_at", postgresql_where=text("state = 'open'")),
        Index(
            "ix_late_payments_untold",
            "merchant_id",
            postgresql_where=text("merchant_told_at IS NULL AND state = 'open'"),
        ),
        Index("ix_late_payments_subscription_id", "subscription_id"),
    )

    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"))
    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    state: Mapped[LateState] = mapped_column(words(LateState, "state"), default=LateState.OPEN)
    reason: Mapped[str] = mapped_column(default="")  # why it was owed: internal, no customer reads it
    decided_by: Mapped[str] = mapped_column(default="")  # who said so
    settled_at: Mapped[datetime | None]
    merchant_told_at: Mapped[datetime | None]
    told_back: Mapped[Decimal] = mapped_column(default=Decimal(0))  # how much of it is known, and told, as gone back

    payment: Mapped[Payment] = relationship(lazy="raise")
    subscription: Mapped[Subscription] = relationship(lazy="raise")

    def settle(self, state: LateState, *, at: datetime) -> None:
        """Close it; money that went back after an explanation is told as given back."""
        self.state, self.settled_at = state, at

    def reopen(self, *, at: datetime) -> None:
        """What had gone back is with the merchant again: who explained it before keeps it, else it is an alarm anew."""
        self.state, self.settled_at = (LateState.EXPLAINED, at) if self.reason else (LateState.OPEN, None)
        self.merchant_told_at = None
