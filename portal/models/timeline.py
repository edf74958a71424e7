"""The timeline: one dated entry per fact of a subscription."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor
from portal.models.base import Base, HasId, HasMerchant, words


class TimelineKind(StrEnum):
    """What happened."""

    IMPORTED = "imported"
    STATUS_SEEN = "status_seen"
    UNKNOWN_WORD = "unknown_word"
    NOTIFIED = "notified"  # the customer asked by another way than the button
    NOTIFICATION_CLOSED = "notification_closed"  # without an end
    END_REQUESTED = "end_requested"
    END_WITHDRAWN = "end_withdrawn"
    WITHDRAWN = "withdrawn"  # the customer withdrew from the contract
    WITHDRAWAL_CLOSED = "withdrawal_closed"  # its refund was made, or staff said what became of it
    CONSENT_RECORDED = "consent_recorded"  # what was said when the contract began
    NEEDS_MERCHANT = "needs_merchant"
    ENDED = "ended"
    MARKED_ABANDONED = "marked_abandoned"
    CLOSED = "closed"
    END_LATE = "end_late"  # its planned time was missed
    DATE_GIVEN = "date_given"  # staff entered the end of the paid time that PayPal does not say
    LATE_PAYMENT = "late_payment"  # money after PayPal's confirmation
    REFUND_REQUESTED = "refund_requested"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    SETTLEMENT_REQUESTED = "settlement_requested"  # the customer lets PayPal take what is outstanding
    SETTLED = "settled"
    SETTLEMENT_FAILED = "settlement_failed"  # nothing was taken by it
    PAUSE_REQUESTED = "pause_requested"
    PAUSED = "paused"
    RESUME_REQUESTED = "resume_requested"
    RESUMED = "resumed"
    PAUSE_REFUSED = "pause_refused"  # PayPal said no, or the state changed meanwhile
    PAUSE_WITHDRAWN = "pause_withdrawn"
    COMEBACK_STARTED = "comeback_started"
    COMEBACK_APPROVED = "comeback_approved"
    COMEBACK_GIVEN_UP = "comeback_given_up"
    MAIL_RETURNED = "mail_returned"  # a message to the customer could not be delivered


class TimelineEntry(HasId, HasMerchant, Base):
    """One fact. `key` makes a fact that is reported twice stand here once."""

    __tablename__ = "timeline_entries"
    __table_args__ = (
        UniqueConstraint("subscription_id", "kind", "key", name="uq_timeline_entries_fact"),
        Index("ix_timeline_entries_subscription_id_at", "subscription_id", "at"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    kind: Mapped[TimelineKind] = mapped_column(words(TimelineKind, "kind"))
    key: Mapped[str]
    actor: Mapped[Actor] = mapped_column(words(Actor, "actor"))
    actor_name: Mapped[str] = mapped_column(default="")
    channel: Mapped[Channel | None] = mapped_column(words(Channel, "channel"))
    details: Mapped[dict[str, Any]]
