"""Requests to end a subscription: append-only rows with their own states (cancellation.md)."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.audit import By
from portal.domain.dates.end_dates import WaitReason
from portal.domain.ends.end_requests import OPEN, Basis, Cause, Channel, RequestState, move
from portal.domain.ends.received_requests import Way, has_hour
from portal.domain.policies import Actor
from portal.domain.subscriptions import ENDED, Status
from portal.models.base import Base, IsCarried, words
from portal.models.ends.held_requests import HasEndRequestFacts
from portal.models.subscriptions import Subscription

_OPEN: Final = f"state IN ({', '.join(repr(state.value) for state in sorted(OPEN))})"


class EndRequest(HasEndRequestFacts, IsCarried, Base):
    """Somebody asked to end a subscription. `created_at` is the moment of the click, by the server's clock."""

    __tablename__ = "end_requests"
    open_states = OPEN
    __table_args__ = (
        Index(
            "uq_end_requests_open",
            "subscription_id",
            unique=True,
            postgresql_where=text(_OPEN),
        ),
        Index("ix_end_requests_confirmed", "id", postgresql_where=text("state = 'confirmed'")),
        Index(
            "ix_end_requests_merchant_id_reference",
            "merchant_id",
            "reference",
            postgresql_ops={"reference": "text_pattern_ops"},
        ),
        Index("ix_end_requests_merchant_id_created_at", "merchant_id", "created_at", "id"),
        Index(
            "ix_end_requests_merchant_id_confirmed_at",
            "merchant_id",
            "confirmed_at",
            postgresql_where=text("confirmed_at IS NOT NULL"),
        ),
        Index(
            "ix_end_requests_merchant_id_reason_code",
            *("merchant_id", "reason_code", "created_at"),
            postgresql_where=text("reason_code <> ''"),
        ),
        Index("ix_end_requests_merchant_id_state", "merchant_id", "state", "created_at"),
        # What the desk's lists count and choose by, without a look at the rows (queries/desk/subscription_filters.py).
        Index(
            "ix_end_requests_due",
            *("merchant_id", "due_at", "state", "subscription_id"),
            postgresql_where=text(_OPEN),
        ),
        Index(
            "ix_end_requests_reasons",
            *("merchant_id", "reason_code", "subscription_id"),
            postgresql_where=text("reason_code <> '' AND state <> 'withdrawn'"),
        ),
        Index(
            "ix_end_requests_late",
            *("merchant_id", "subscription_id"),
            postgresql_where=text("late_told_at IS NOT NULL"),
        ),
        CheckConstraint(
            f"outcome IN ({', '.join(repr(status.value) for status in sorted(ENDED))})", name="outcome_is_an_end"
        ),
        CheckConstraint(
            "state NOT IN ('confirmed', 'closed') OR confirmed_at IS NOT NULL", name="confirmed_has_a_date"
        ),
        CheckConstraint("(owed_until IS NULL) = (wait_reason IS NULL)", name="waits_for_a_reason"),
        CheckConstraint(
            "(notified_at IS NULL) = (notified_way IS NULL) AND (notified_at IS NULL) = (notified_reference = '')",
            name="notified_is_whole",
        ),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)
    state: Mapped[RequestState] = mapped_column(words(RequestState, "state"), default=RequestState.RECORDED)
    outcome: Mapped[Status] = mapped_column(words(Status, "outcome"))
    cause: Mapped[Cause | None] = mapped_column(words(Cause, "cause"))
    actor: Mapped[Actor] = mapped_column(words(Actor, "actor"))
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str] = mapped_column(default="")
    channel: Mapped[Channel] = mapped_column(words(Channel, "channel"))
    reason_code: Mapped[str] = mapped_column(default="")
    reason_text: Mapped[str] = mapped_column(default="")  # the customer's words, or the staff's internal note
    provider_note: Mapped[str] = mapped_column(default="")  # 1-128 characters, the payer may read it at PayPal
    shown: Mapped[dict[str, Any]]  # what the recap said: what stops, what stays, language
    wished_on: Mapped[date | None]  # the day that was chosen, in the merchant's zone: the contract's end, no other date
    due_at: Mapped[datetime | None]  # empty: at once
    awaited_at: Mapped[datetime | None]  # the payment that lets PayPal be told before `due_at`, once it is completed
    owed_until: Mapped[datetime | None]  # payments before it are still taken; the plan follows PayPal's dates with it
    wait_reason: Mapped[WaitReason | None] = mapped_column(words(WaitReason, "wait_reason"))
    late_told_at: Mapped[datetime | None]  # its planned time was missed: the alarm rang

    # What it answers, which the customer had asked by another way before (`received_answers.match` writes these three)
    notified_at: Mapped[datetime | None]
    notified_reference: Mapped[str] = mapped_column(default="")
    notified_way: Mapped[Way | None] = mapped_column(words(Way, "notified_way"))

    facts_before: Mapped[dict[str, Any] | None]  # PayPal's facts, read before the call
    accepted_at: Mapped[datetime | None]  # the last 204
    overdue_told_at: Mapped[datetime | None]  # the honest status mail after 24 h
    confirmed_at: Mapped[datetime | None]
    basis: Mapped[Basis | None] = mapped_column(words(Basis, "basis"))
    closed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]  # its proof, and what was said, were kept for long enough and are gone

    subscription: Mapped[Subscription] = relationship(lazy="raise")

    @property
    def by(self) -> By:
        """Who asked here, and through which door."""
        return By(actor=self.actor, actor_id=self.actor_id, channel=self.channel, name=self.actor_name)

    def is_by_member(self, subscription: Subscription) -> bool:
        """Say whether it was somebody of the account's people who asked, and not the customer whose account it is."""
        return self.actor is Actor.CUSTOMER and self.actor_id not in (None, subscription.customer_id)

    @property
    def asked_by(self) -> Actor:
        """Who asked, whoever carries it out."""
        return Actor.CUSTOMER if self.answers else self.actor

    @property
    def asked_at(self) -> datetime:
        """When it was asked."""
        return self.notified_at if self.answers and self.notified_at is not None else self.created_at

    @property
    def has_hour(self) -> bool:
        """Whether the hour of `asked_at` is known: staff record the day alone of a letter."""
        return not self.answers or has_hour(self.notified_way)

    @property
    def names(self) -> dict[str, str]:
        """Its reference for a timeline, and the one of the notification that it answers, if it answers one."""
        return {"reference": self.reference, **({"answers": self.notified_reference} if self.answers else {})}

    def move(self, to: RequestState) -> None:
        """Change the state along the diagram; raise IllegalMove otherwise."""
        self.state = move(self.state, to)
