"""Subscriptions: facts that are never merged into one field (domain.md)."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, literal_column, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.access.access import Facts
from portal.domain.ends.ended_by import EndedBy, kind_of
from portal.domain.policies import Actor
from portal.domain.subscriptions import (
    ENDED,
    Action,
    IllegalTransition,
    Status,
    follow_provider,
    transition,
)
from portal.models.access.products import Plan, Product
from portal.models.base import Base, HasCreation, HasId, HasMerchant, Provider, words
from portal.models.held import HasSubscriptionFacts
from portal.models.money.payments import Payment
from portal.models.people.customers import Customer


class Subscription(HasSubscriptionFacts, HasId, HasCreation, HasMerchant, Base):
    """One subscription. Its status changes only through the methods below."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("merchant_id", "environment", "provider_id", name="uq_subscriptions_provider_id"),
        CheckConstraint(
            "(status IN ('completed', 'cancelled', 'abandoned')) = (ended_at IS NOT NULL)", name="ended_has_a_date"
        ),
        CheckConstraint("status <> 'abandoned' OR NOT relaunch_allowed", name="abandoned_is_never_invited"),
        Index(
            "ix_subscriptions_merchant_id_provider_id",
            "merchant_id",
            "provider_id",
            postgresql_ops={"provider_id": "text_pattern_ops"},
        ),
        Index(
            "ix_subscriptions_merchant_id_reference",
            "merchant_id",
            literal_column("lower(reference)").label("in_small"),
            postgresql_ops={"in_small": "text_pattern_ops"},
            postgresql_where=text("reference IS NOT NULL"),
        ),
        Index("ix_subscriptions_merchant_id_created_at", "merchant_id", "created_at", "id"),
        Index("ix_subscriptions_product_id_created_at", "product_id", "merchant_id", "created_at", "id"),
        Index("ix_subscriptions_product_id_status", "product_id", "merchant_id", "status", "created_at", "id"),
        Index("ix_subscriptions_plan_id_created_at", "plan_id", "merchant_id", "created_at", "id"),
        Index("ix_subscriptions_running_plan", "plan_id", postgresql_where=text("ended_at IS NULL")),
        Index("ix_subscriptions_merchant_id_status", "merchant_id", "status", "created_at", "id"),
        Index("ix_subscriptions_merchant_id_status_customer_id", "merchant_id", "status", "customer_id"),
        # What the desk's list is sorted and narrowed by (queries/desk/subscription_filters.py).
        Index("ix_subscriptions_merchant_id_next_payment_at", "merchant_id", "next_payment_at", "id"),
        Index("ix_subscriptions_merchant_id_started_at", "merchant_id", "started_at", "id"),
        Index("ix_subscriptions_merchant_id_ended", "merchant_id", "ended_at", "id", "ended_by"),
        Index("ix_subscriptions_merchant_id_currency", "merchant_id", "currency", "created_at", "id"),
        Index(
            "ix_subscriptions_merchant_id_ended_by",
            *("merchant_id", "ended_by", "created_at", "id"),
            postgresql_where=text("ended_by IS NOT NULL"),
        ),
        Index(
            "ix_subscriptions_failed",
            *("merchant_id", "created_at", "id"),
            postgresql_where=text("failed_payments > 0"),
        ),
        Index(
            "ix_subscriptions_classic",
            *("merchant_id", "created_at", "id"),
            postgresql_where=text("provider = 'paypal_classic'"),
        ),
        # What PayPal may still change is compared with it: by when it was read last, and before its next payment.
        Index(
            "ix_subscriptions_to_compare",
            "merchant_id",
            "id",
            postgresql_where=text("stopped_at_provider_at IS NULL"),
        ),
        # Over, with an end of the paid time that nobody knows: the merchant is asked.
        Index(
            "ix_subscriptions_date_unknown",
            "merchant_id",
            "ended_at",
            postgresql_where=text("ended_at IS NOT NULL AND paid_until IS NULL AND access_until IS NULL"),
        ),
        Index(
            "ix_subscriptions_next_payment_at",
            "next_payment_at",
            postgresql_where=text("stopped_at_provider_at IS NULL"),
        ),
        Index("ix_subscriptions_next_watch_at", "next_watch_at", postgresql_where=text("next_watch_at IS NOT NULL")),
        Index("ix_subscriptions_history_due_at", "history_due_at", postgresql_where=text("history_due_at IS NOT NULL")),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="RESTRICT"), index=True)
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("products.id", ondelete="RESTRICT"))
    plan_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("plans.id", ondelete="RESTRICT"))

    status: Mapped[Status] = mapped_column(words(Status, "status"))
    provider: Mapped[Provider] = mapped_column(words(Provider, "provider"), default=Provider.PAYPAL_REST)
    provider_id: Mapped[str]
    environment: Mapped[str]
    payer_id: Mapped[str | None]  # the PayPal account it was bought with; empty where it came before migration 0035
    provider_status: Mapped[str]  # PayPal's own word, as last read
    provider_status_at: Mapped[datetime | None]
    provider_read_at: Mapped[datetime]
    failed_payments: Mapped[int] = mapped_column(default=0)
    failure_threshold: Mapped[int] = mapped_column(default=0)
    outstanding: Mapped[Decimal | None]  # what PayPal says is unpaid, in `currency`; empty when it does not say

    started_at: Mapped[datetime | None]
    committed_until: Mapped[datetime | None]
    term_from: Mapped[date | None]  # when its fixed term began, as staff entered it; empty: with the start
    # Since, or from, when the customer may end it at once and free of charge: its renewal was not told (R-FR-23).
    free_from: Mapped[datetime | None]
    next_payment_at: Mapped[datetime | None]
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    interval_unit: Mapped[str | None]
    interval_count: Mapped[int] = mapped_column(default=1)
    last_payment_at: Mapped[datetime | None]
    # What a read may not show again: the last declined payment, one on its way, the trials, the way with month ends.
    declined_at: Mapped[datetime | None]
    pending_at: Mapped[datetime | None]
    trials: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    keeps_month_ends: Mapped[bool | None]
    past_due_since: Mapped[datetime | None]
    paid_until: Mapped[datetime | None]
    access_until: Mapped[datetime | None]  # result of the product's rule at the end; empty: kept for good, or unknown

    # What was told of access after the end, once the product's rule is another one (domain/access/promises.py).
    promised: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    end_requested_at: Mapped[datetime | None]
    stopped_at_provider_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[EndedBy | None] = mapped_column(words(EndedBy, "ended_by"))  # of which kind its end is
    withdrawn_at: Mapped[
        datetime | None
    ]  # the customer withdrew from the contract (models/withdrawals.py): access ended then
    # Of a stopped one: the payment that should not come, what was still owed then, and when to look again.
    unbilled_at: Mapped[datetime | None]
    stop_paid_until: Mapped[datetime | None]  # `paid_until` without what a payment after the stop added to it
    owed: Mapped[Decimal | None]
    owed_currency: Mapped[str | None]
    next_watch_at: Mapped[datetime | None]
    history_due_at: Mapped[datetime | None]  # when its payments since the start are to be read; empty once they are
    relaunch_allowed: Mapped[bool] = mapped_column(default=True)
    # The merchant's own, from a file (domain/desk/file_imports.py): their reference, and what they call the rest.
    reference: Mapped[str | None]
    extra: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    event_number: Mapped[int] = mapped_column(default=0)  # of the last event about it that was written
    # The subscription that this one took up again (docs/decisions/0010).
    predecessor_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="RESTRICT"), index=True
    )

    customer: Mapped[Customer] = relationship(lazy="raise")
    product: Mapped[Product] = relationship(lazy="raise")
    plan: Mapped[Plan | None] = relationship(lazy="raise")
    payments: Mapped[list[Payment]] = relationship(viewonly=True, order_by=Payment.paid_at)

    @property
    def facts_before_the_end(self) -> Facts:
        """What access depended on before it ended: a date learned since is judged as if it had been known then."""
        return self.facts._replace(status=Status.ACTIVE, ended_at=None)

    def follow(self, seen: Status, *, at: datetime) -> bool:
        """Take over a living state seen at PayPal; return whether anything changed. Ends are not taken here."""
        status = follow_provider(self.status, seen)
        if status is self.status or status in ENDED:
            return False
        self.status = status
        self.past_due_since = (self.past_due_since or at) if status is Status.PAST_DUE else None
        return True

    def end(self, after: Facts, *, access_until: datetime | None) -> None:
        """Write an end computed by `access.end_facts`; abandoned is never invited back."""
        self.status = after.status
        self.started_at = after.started_at  # one that never began has no start, and no time of it is paid
        if after.started_at is None:
            self.paid_until = None
        self.ended_at = after.ended_at
        self.access_until = access_until
        if after.status is Status.ABANDONED:
            self.relaunch_allowed = False

    def count_as(self, outcome: Status, *, asked_by: Actor) -> None:
        """Write of which kind the end is that is being written."""
        unpaid = self.failed_payments > 0
        self.ended_by = kind_of(outcome, asked_by=asked_by, is_unpaid=unpaid, before=self.ended_by)

    def mark_abandoned(self) -> None:
        """Turn *cancelled* into *abandoned*; raise IllegalTransition from any other ended or living state."""
        if not self.is_over:
            raise IllegalTransition(self.status, Action.ABANDON)
        self.status = transition(self.status, Action.ABANDON)
        self.ended_by = EndedBy.ABANDONED
        self.relaunch_allowed = False
