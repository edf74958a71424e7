"""Attempts to come back: each is a new subscription asked for at PayPal, which the buyer may approve or not."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.ends.comebacks import OPEN, ComebackState, ComebackTrouble, move
from portal.domain.law.orders import Order
from portal.domain.money.money import Money
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words
from portal.models.ends.held_requests import HasAttemptFacts
from portal.models.subscriptions import Subscription

_OPEN = text(f"state IN ({', '.join(repr(state.value) for state in sorted(OPEN))})")


class Comeback(HasAttemptFacts, HasId, HasCreation, HasMerchant, Base):
    """One attempt. Its id is also PayPal's `custom_id` and the `PayPal-Request-Id` of every try."""

    __tablename__ = "comebacks"
    __table_args__ = (
        Index("uq_comebacks_open", "subscription_id", unique=True, postgresql_where=_OPEN),
        Index("uq_comebacks_open_product", "customer_id", "product_id", unique=True, postgresql_where=_OPEN),
        Index(
            "uq_comebacks_provider_id",
            "merchant_id",
            "environment",
            "provider_id",
            unique=True,
            postgresql_where=text("provider_id IS NOT NULL"),
        ),
        Index("ix_comebacks_next_try_at", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
        CheckConstraint("state <> 'approved' OR approved_at IS NOT NULL", name="approved_has_a_date"),
        CheckConstraint(
            "state <> 'waiting' OR (provider_id IS NOT NULL AND approval_url IS NOT NULL)", name="waiting_has_a_link"
        ),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="RESTRICT"), index=True)
    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"), index=True)
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("products.id", ondelete="RESTRICT"), index=True)
    plan_id: Mapped[str]  # PayPal's id of what is bought; the product is what it sold when this was wished for
    environment: Mapped[str]
    language: Mapped[str]  # of PayPal's pages: a second try must say the same as the first
    state: Mapped[ComebackState] = mapped_column(words(ComebackState, "state"), default=ComebackState.RECORDED)
    start_at: Mapped[datetime | None]  # asked for at PayPal; empty: at once
    amount: Mapped[Decimal | None]  # the plan's price and rhythm, read at PayPal before it was asked for
    currency: Mapped[str | None]
    interval_unit: Mapped[str | None]
    interval_count: Mapped[int] = mapped_column(default=1)
    ordered: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # domain/law/orders.py
    # When it was asked to begin within the withdrawal period, and by which version of the words; empty: it was not.
    express_at: Mapped[datetime | None]
    express_version: Mapped[str] = mapped_column(default="", server_default="")

    provider_id: Mapped[str | None]  # of the new subscription
    approval_url: Mapped[str | None]
    debug_id: Mapped[str] = mapped_column(default="")
    issue: Mapped[str] = mapped_column(default="")  # PayPal's own word for a refusal
    trouble: Mapped[ComebackTrouble | None] = mapped_column(words(ComebackTrouble, "trouble"))

    attempts: Mapped[int] = mapped_column(default=0)
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]  # the first time a call left: what it asked for must not change afterwards
    next_try_at: Mapped[datetime | None]  # of asking, then of looking for the approval; empty: neither any more
    read_at: Mapped[datetime | None]  # the last look at PayPal
    waiting_since: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]  # given up or failed

    subscription: Mapped[Subscription] = relationship(lazy="raise")

    @property
    def order(self) -> Order | None:
        """What is ordered by it, as it was shown; None before PayPal's plan was read, and of older attempts."""
        return Order.of_json(self.ordered) if self.ordered is not None else None

    @property
    def price(self) -> Money | None:
        """The plan's price as read at PayPal, None before or where the plan has none."""
        return Money(self.amount, self.currency) if self.amount is not None and self.currency else None

    def move(self, to: ComebackState) -> None:
        """Change the state along the table; raise IllegalComebackMove otherwise."""
        self.state = move(self.state, to)
