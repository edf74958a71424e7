"""Payments as PayPal reported and showed them: one row per sale, whatever came in which order."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class PaymentState(StrEnum):
    """Where a payment stands, from the first word to the last: it never goes back."""

    PENDING = "pending"
    DENIED = "denied"
    COMPLETED = "completed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    REVERSED = "reversed"


class Payment(HasId, HasCreation, HasMerchant, Base):
    """One sale of a subscription. `provider_id` is PayPal's sale id: refunds name it (FACTS.md 2.2)."""

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("merchant_id", "environment", "provider_id", name="uq_payments_provider_id"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("refunded >= 0 AND refunded <= amount", name="refunded"),
        Index("ix_payments_subscription_id_paid_at", "subscription_id", "paid_at"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    environment: Mapped[str]
    provider_id: Mapped[str]
    state: Mapped[PaymentState] = mapped_column(words(PaymentState, "state"))
    amount: Mapped[Decimal]
    currency: Mapped[str]
    refunded: Mapped[Decimal] = mapped_column(default=Decimal(0))
    refunds: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)  # classic: amount by PayPal's refund id
    paid_at: Mapped[datetime]
