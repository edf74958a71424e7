"""What was sent before a fixed term renewed itself, as its proof; what is owed without one (domain/law/renewals.py)."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.law import renewals
from portal.domain.law.renewals import ReminderState, Renewal
from portal.domain.money.money import Money
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words
from portal.models.subscriptions import Subscription


class RenewalReminder(HasId, HasCreation, HasMerchant, Base):
    """The reminder of one renewal of one subscription. What it says stands, whatever the plan becomes.

    The message's own facts are copied: they are the proof, and outlive what the outbox keeps.
    """

    __tablename__ = "renewal_reminders"
    __table_args__ = (
        UniqueConstraint("subscription_id", "renews_on", name="uq_renewal_reminders_renewal"),
        Index(
            "uq_renewal_reminders_start_unknown",
            "subscription_id",
            unique=True,
            postgresql_where=text("state = 'start_unknown'"),
        ),
        Index("ix_renewal_reminders_mail_id", "mail_id"),
        Index(
            "ix_renewal_reminders_waiting",
            "merchant_id",
            "created_at",
            postgresql_where=text("settled_at IS NULL AND state IN ('failed', 'missed', 'start_unknown')"),
        ),
        CheckConstraint("(state = 'start_unknown') = (renews_on IS NULL)", name="only_an_unknown_start_has_no_day"),
        CheckConstraint("(state = 'letter') = (letter_on IS NOT NULL)", name="a_letter_has_a_day"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    state: Mapped[ReminderState] = mapped_column(words(ReminderState, "state"))
    number: Mapped[int] = mapped_column(default=0)  # which renewal, from 1
    begins_on: Mapped[date | None]
    renews_on: Mapped[date | None]
    deadline_on: Mapped[date | None]  # as the customer was told it
    opens_on: Mapped[date | None]
    closes_on: Mapped[date | None]
    mail_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("mails.id", ondelete="SET NULL"))
    sendings: Mapped[int] = mapped_column(default=0)  # more than one only to another address, after one came back
    message_id: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    template: Mapped[str] = mapped_column(default="")  # version and language of its words
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(default="")  # what the server said: the status code of RFC 3463
    letter_on: Mapped[date | None]
    settled_at: Mapped[datetime | None]  # nothing is left for the merchant to do about it
    settled_by: Mapped[str] = mapped_column(default="")

    subscription: Mapped[Subscription] = relationship(lazy="raise")

    @property
    def renewal(self) -> Renewal | None:
        """The renewal that it tells of; None where the contract's beginning is unknown."""
        days = self.begins_on, self.renews_on, self.deadline_on, self.opens_on, self.closes_on
        if any(day is None for day in days):
            return None
        names = ("begins_on", "renews_on", "deadline_on", "opens_on", "closes_on")
        return Renewal(number=self.number, **{name: getattr(self, name) for name in names})

    def is_proved(self, sent_on: date | None) -> bool:
        """Say whether the customer was told in time; `sent_on` is the merchant's day of `sent_at`."""
        one = self.renewal
        return one is not None and renewals.is_proved(one, self.state, sent_on=sent_on, letter_on=self.letter_on)


class RenewalRefund(HasId, HasCreation, HasMerchant, Base):
    """What goes back after an end that was free of charge, for want of a proved reminder: a task with its day."""

    __tablename__ = "renewal_refunds"
    __table_args__ = (
        Index("ix_renewal_refunds_waiting", "merchant_id", "due_at", postgresql_where=text("settled_at IS NULL")),
        Index("ix_renewal_refunds_subscription_id", "subscription_id"),
        CheckConstraint("amount > 0", name="amount"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    end_request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("end_requests.id", ondelete="RESTRICT"), unique=True)
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"), index=True)
    amount: Mapped[Decimal]
    currency: Mapped[str]
    renewed_at: Mapped[datetime]  # payments from here on are the advances
    left_before: Mapped[Decimal]  # of those payments, when it was reckoned: what goes back since counts
    due_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str] = mapped_column(default="")  # empty: the refunds that were made cover it

    subscription: Mapped[Subscription] = relationship(lazy="raise")

    @property
    def money(self) -> Money:
        """The sum that goes back."""
        return Money(self.amount, self.currency)
