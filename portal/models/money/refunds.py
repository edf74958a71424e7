"""Refunds that staff asked for here: append-only rows with their own states (domain/money/refunds.py)."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.money.refunds import OPEN, RefundState, WithEnd, WithEndState, move
from portal.models.base import Base, HasCreation, HasId, HasMerchant, IsCarried, words
from portal.models.subscriptions import Subscription

_OPEN = f"state IN ({', '.join(repr(state.value) for state in sorted(OPEN))})"


class Refund(IsCarried, Base):
    """One refund of what was left of a payment. Its id is what PayPal knows the call by (PayPal-Request-Id)."""

    __tablename__ = "refunds"
    open_states = OPEN
    times = ("next_try_at", "created_at")
    __table_args__ = (
        Index("uq_refunds_open", "payment_id", unique=True, postgresql_where=text(_OPEN)),
        Index("ix_refunds_next_try_at", "next_try_at", postgresql_where=text(_OPEN)),
        Index("ix_refunds_subscription_id", "subscription_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("(state IN ('done', 'failed')) = (settled_at IS NOT NULL)", name="settled_has_a_date"),
        CheckConstraint("state <> 'pending' OR provider_id <> ''", name="pending_has_paypals_id"),
    )

    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"), index=True)
    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    amount: Mapped[Decimal]
    currency: Mapped[str]
    state: Mapped[RefundState] = mapped_column(words(RefundState, "state"), default=RefundState.RECORDED)
    left_before: Mapped[Decimal]  # of the payment when it was asked for: what went back since counts towards it
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str]
    provider_id: Mapped[str] = mapped_column(default="")  # PayPal's id of the refund
    debug_id: Mapped[str] = mapped_column(default="")  # of PayPal's last answer
    settled_at: Mapped[datetime | None]
    given_up_by: Mapped[str] = mapped_column(default="")  # who decided that PayPal is not asked any more

    subscription: Mapped[Subscription] = relationship(lazy="raise")

    def move(self, to: RefundState) -> None:
        """Change the state along the diagram; raise IllegalRefundMove otherwise."""
        self.state = move(self.state, to)


class EndRefund(HasId, HasCreation, HasMerchant, Base):
    """What staff decided to give back together with an end: it is asked for once PayPal has confirmed the end."""

    __tablename__ = "end_refunds"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("(state = 'asked') = (refund_id IS NOT NULL)", name="asked_has_a_refund"),
    )

    end_request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("end_requests.id", ondelete="RESTRICT"), unique=True)
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"), index=True)
    refund_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("refunds.id", ondelete="RESTRICT"), index=True)
    choice: Mapped[WithEnd] = mapped_column(words(WithEnd, "choice"))
    state: Mapped[WithEndState] = mapped_column(words(WithEndState, "state"), default=WithEndState.WAITING)
    amount: Mapped[Decimal]
    currency: Mapped[str]
    left_before: Mapped[Decimal]  # of the payment when it was decided
    actor_id: Mapped[uuid.UUID]
    actor_name: Mapped[str]

    refund: Mapped[Refund | None] = relationship(lazy="raise")
