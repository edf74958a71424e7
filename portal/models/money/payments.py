"""Payments as PayPal reported and showed them: one row per sale, whatever came in which order."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.money.payments import Standing
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class PaymentState(StrEnum):
    """Where a payment stands. It goes back alone when PayPal gives a reversal back (domain/money/payments.py)."""

    PENDING = "pending"
    DENIED = "denied"
    COMPLETED = "completed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    REVERSED = "reversed"


STANDS: Final = (PaymentState.COMPLETED, PaymentState.PARTIALLY_REFUNDED)
NOT_TAKEN: Final = frozenset({PaymentState.PENDING, PaymentState.DENIED})


class Payment(HasId, HasCreation, HasMerchant, Base):
    """One sale of a subscription. `provider_id` is PayPal's sale id: refunds name it (FACTS.md 2.2)."""

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("merchant_id", "environment", "provider_id", name="uq_payments_provider_id"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("refunded >= 0 AND refunded <= amount", name="refunded"),
        Index("ix_payments_subscription_id_paid_at", "subscription_id", "paid_at"),
        Index("ix_payments_merchant_id_paid_at", "merchant_id", "paid_at", "id"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    environment: Mapped[str]
    provider_id: Mapped[str]
    state: Mapped[PaymentState] = mapped_column(words(PaymentState, "state"))
    amount: Mapped[Decimal]
    currency: Mapped[str]
    refunded: Mapped[Decimal] = mapped_column(default=Decimal(0))
    # By PayPal's own ids, so that each counts once: what was refunded; what was taken back, and (below nothing) given
    # back to the merchant again (domain/money/payments.py).
    refunds: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    reversals: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    paid_at: Mapped[datetime]

    @property
    def standing(self) -> Standing:
        """Where it stands, with what went back of it."""
        return Standing(self.state, self.refunded, _sizes(self.refunds), _sizes(self.reversals))

    @property
    def was_taken(self) -> bool:
        """Whether money came, whatever went back of it: of what failed, or is not settled, there is no receipt."""
        return self.state not in NOT_TAKEN

    @property
    def is_back_known(self) -> bool:
        """Whether PayPal says how much went back, where it says that a part did."""
        return self.state is not PaymentState.PARTIALLY_REFUNDED or self.went_back > 0

    @property
    def taken_back(self) -> Decimal:
        """How much PayPal has taken back, as after a dispute."""
        return self.standing.reversed_of(self.amount)

    @property
    def went_back(self) -> Decimal:
        """How much is gone again, in whichever way."""
        return self.standing.went_back(self.amount)

    @property
    def left(self) -> Decimal:
        """How much of it the merchant still has."""
        return self.amount - self.went_back


def _sizes(by_id: Mapping[str, str] | None) -> dict[str, Decimal]:
    return {key: Decimal(size) for key, size in (by_id or {}).items()}
