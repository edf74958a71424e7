"""Settlements that customers asked for: append-only rows with their own states (domain/money/settlements.py)."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.money.money import Money
from portal.domain.money.settlements import OPEN, SettlementRefusal, SettlementState, move
from portal.models.base import Base, IsCarried, words
from portal.models.subscriptions import Subscription

_OPEN = f"state IN ({', '.join(repr(state.value) for state in sorted(OPEN))})"


class Settlement(IsCarried, Base):
    """One settlement of what was outstanding. Its id is what PayPal knows the call by (PayPal-Request-Id)."""

    __tablename__ = "settlements"
    open_states = OPEN
    times = ("next_try_at", "created_at")
    __table_args__ = (
        Index("uq_settlements_open", "subscription_id", unique=True, postgresql_where=text(_OPEN)),
        Index("ix_settlements_next_try_at", "next_try_at", postgresql_where=text(_OPEN)),
        Index("ix_settlements_subscription_id", "subscription_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("(state IN ('done', 'failed')) = (closed_at IS NOT NULL)", name="closed_has_a_date"),
        CheckConstraint("(state = 'failed') = (failed_for IS NOT NULL)", name="failed_has_a_reason"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    amount: Mapped[Decimal]
    currency: Mapped[str]
    state: Mapped[SettlementState] = mapped_column(words(SettlementState, "state"), default=SettlementState.RECORDED)
    accepted_at: Mapped[datetime | None]  # PayPal took the call: since then it is only read
    provider_id: Mapped[str] = mapped_column(default="")  # PayPal's id of the payment, once it has named it
    closed_at: Mapped[datetime | None]
    failed_for: Mapped[SettlementRefusal | None] = mapped_column(words(SettlementRefusal, "failed_for"))

    subscription: Mapped[Subscription] = relationship(lazy="raise")

    @property
    def money(self) -> Money:
        """The sum that the customer agreed to."""
        return Money(self.amount, self.currency)

    def move(self, to: SettlementState) -> None:
        """Change the state along the diagram; raise IllegalSettlementMove otherwise."""
        self.state = move(self.state, to)
