"""Facts that other systems are told: written in the transaction of the fact itself."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.integrations.outgoing_events import EventType
from portal.domain.integrations.public_ids import Kind, public
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class OutgoingEvent(HasId, HasCreation, HasMerchant, Base):
    """One fact: ids, codes, dates and amounts, and nothing that says who a person is.

    What the object looks like is read when it is sent (docs/decisions/0035-events-out.md).
    """

    __tablename__ = "outgoing_events"
    __table_args__ = (
        UniqueConstraint("merchant_id", "type", "key", name="uq_outgoing_events_fact"),
        UniqueConstraint("subscription_id", "sequence", name="uq_outgoing_events_sequence"),
        Index("ix_outgoing_events_created_at", "created_at"),
    )

    type: Mapped[EventType] = mapped_column(words(EventType, "type"))
    key: Mapped[str]  # makes a fact that is reported twice stand here once
    at: Mapped[datetime]  # when it happened
    subject_kind: Mapped[Kind] = mapped_column(words(Kind, "subject_kind"))
    subject_id: Mapped[uuid.UUID]
    subscription_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"))
    sequence: Mapped[int | None]  # of that subscription: 1, 2, 3…
    facts: Mapped[dict[str, Any]]

    @property
    def public_id(self) -> str:
        """The id that a receiver knows it by, the same at every try."""
        return public(Kind.EVENT, self.id)
