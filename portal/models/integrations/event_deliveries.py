"""One event at one endpoint, and each try to bring it there."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.integrations.outgoing_events import DeliveryState, Fault
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words
from portal.models.integrations.event_endpoints import EventEndpoint
from portal.models.integrations.outgoing_events import OutgoingEvent


class EventDelivery(HasId, HasCreation, HasMerchant, Base):
    """What one endpoint is told of one event. `next_try_at` is also the fence of whoever is at it."""

    __tablename__ = "event_deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id", name="uq_event_deliveries_event"),
        Index(
            "ix_event_deliveries_due",
            "endpoint_id",
            "next_try_at",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_event_deliveries_endpoint_id_created_at", "endpoint_id", "created_at", "id"),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("outgoing_events.id", ondelete="CASCADE"))
    endpoint_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("event_endpoints.id", ondelete="CASCADE"))
    state: Mapped[DeliveryState] = mapped_column(words(DeliveryState, "state"), default=DeliveryState.WAITING)
    failed: Mapped[int] = mapped_column(default=0)  # tries, since it was written or replayed
    next_try_at: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    replayed_at: Mapped[datetime | None]

    event: Mapped[OutgoingEvent] = relationship(lazy="raise")
    endpoint: Mapped[EventEndpoint] = relationship(lazy="raise")

    def plan(self, *, at: datetime) -> None:
        """Let it be tried from then on, as if it never had been."""
        self.state, self.failed, self.next_try_at = DeliveryState.WAITING, 0, at


class EventAttempt(HasId, Base):
    """One try: what was answered, cut and without secrets, or why nothing was."""

    __tablename__ = "event_attempts"
    __table_args__ = (Index("ix_event_attempts_delivery_id_at", "delivery_id", "at"),)

    delivery_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("event_deliveries.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    took_ms: Mapped[int]
    status: Mapped[int | None]
    fault: Mapped[Fault | None] = mapped_column(words(Fault, "fault"))
    answer: Mapped[str] = mapped_column(default="")
