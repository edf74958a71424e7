"""Withdrawals from contracts, each with the refund that it makes due; and what was agreed when a contract began."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import was_timed
from portal.domain.law.withdrawals import ConsentKind, ConsentWay, RefundDuty, Verdict
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words
from portal.models.ends.end_requests import EndRequest
from portal.models.ends.received_requests import ReceivedRequest
from portal.models.subscriptions import Subscription

_OPEN = text("refund = 'open'")


class Withdrawal(HasId, HasCreation, HasMerchant, Base):
    """One contract was withdrawn from, once. `declared_at`: when the declaration was sent, which counts before the law.

    The sums are those of that moment; what is still to go back is reckoned from the payments (`withdrawal_refunds`).
    """

    __tablename__ = "withdrawals"
    __table_args__ = (
        Index("ix_withdrawals_open", "merchant_id", "refund_due_at", postgresql_where=_OPEN),
        CheckConstraint("0 <= owed AND 0 <= due", name="sums"),
        CheckConstraint("due = 0 OR currency IS NOT NULL", name="sum_has_a_currency"),
        CheckConstraint("(refund = 'open') = (closed_at IS NULL)", name="closed_has_a_date"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"), unique=True)
    end_request_id: Mapped[uuid.UUID | None] = mapped_column(  # empty: it was over already
        ForeignKey("end_requests.id", ondelete="RESTRICT"), index=True
    )
    received_request_id: Mapped[uuid.UUID | None] = (
        mapped_column(  # the declaration, where it came by a form or a letter
            ForeignKey("received_requests.id", ondelete="SET NULL"), index=True
        )
    )
    reference: Mapped[str]
    declared_at: Mapped[datetime]
    verdict: Mapped[Verdict] = mapped_column(words(Verdict, "verdict"))
    actor: Mapped[Actor] = mapped_column(words(Actor, "actor"))  # who carried it out
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str] = mapped_column(default="")
    channel: Mapped[Channel] = mapped_column(words(Channel, "channel"))

    owed: Mapped[Decimal] = mapped_column(default=Decimal(0))  # for the days used, where it was agreed to begin at once
    due: Mapped[Decimal] = mapped_column(default=Decimal(0))
    currency: Mapped[str | None]
    refund: Mapped[RefundDuty] = mapped_column(words(RefundDuty, "refund"), default=RefundDuty.OPEN)
    refund_due_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(default="")
    closed_note: Mapped[str] = mapped_column(default="")  # how else it was paid, or why nothing is owed

    settled_until: Mapped[datetime | None]  # staff's word is about the payments that were known by then

    subscription: Mapped[Subscription] = relationship(lazy="raise")
    end_request: Mapped[EndRequest | None] = relationship(lazy="raise")
    received: Mapped[ReceivedRequest | None] = relationship(lazy="raise")

    @property
    def by(self) -> By:
        """Who carried it out, and through which door."""
        return By(actor=self.actor, actor_id=self.actor_id, channel=self.channel, name=self.actor_name)

    @property
    def has_hour(self) -> bool:
        """Whether the hour of the declaration is known, and not the day alone; what was received is loaded."""
        return was_timed(self.actor, self.received.way if self.received is not None else None)

    @property
    def is_open(self) -> bool:
        """Whether the refund is still to be decided, or to be made."""
        return self.refund is RefundDuty.OPEN

    @property
    def sum_due(self) -> Money | None:
        """What is to go back, None where nothing was taken."""
        return Money(self.due, self.currency) if self.currency is not None else None

    @property
    def sum_owed(self) -> Money | None:
        """What the customer owes for the days used, None where nothing was taken."""
        return Money(self.owed, self.currency) if self.currency is not None else None


class ContractConsent(HasId, HasCreation, HasMerchant, Base):
    """What was said, or known not to have been, when a contract began. Append-only: the newest row of a kind counts."""

    __tablename__ = "contract_consents"
    __table_args__ = (Index("ix_contract_consents_subscription_id", "subscription_id", "created_at"),)

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    kind: Mapped[ConsentKind] = mapped_column(words(ConsentKind, "kind"))
    is_given: Mapped[bool]
    at: Mapped[datetime]  # when it was said
    version: Mapped[str] = mapped_column(default="")  # of the text that was shown
    way: Mapped[ConsentWay] = mapped_column(words(ConsentWay, "way"))
    recorded_by: Mapped[str] = mapped_column(default="")  # a staff member's name; empty: the portal's own order page
