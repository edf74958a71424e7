"""What PayPal told us, stored once: a hint that leads to a read, never the truth itself."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.provenances import Provenance
from portal.models.base import Base, HasId, HasMerchant, words


class EventSource(StrEnum):
    """How it came."""

    WEBHOOK = "webhook"
    IPN = "ipn"


class EventState(StrEnum):
    """What became of it."""

    WAITING = "waiting"  # a worker takes it at `next_try_at`, and moves that on while it has it
    DONE = "done"  # PayPal was read and what it showed is written
    IGNORED = "ignored"  # of a type, or about an object, that changes nothing here
    REFUSED = "refused"  # an IPN that PayPal did not recognise as its own, or of another receiver
    FAILED = "failed"  # given up after days; can be replayed


class PayPalEvent(HasId, HasMerchant, Base):
    """One webhook event or IPN. The body is the raw bytes; it is purged after a time, the facts stay."""

    __tablename__ = "paypal_events"
    __table_args__ = (
        UniqueConstraint("merchant_id", "source", "event_id", name="uq_paypal_events_event_id"),
        UniqueConstraint("merchant_id", "transmission_id", name="uq_paypal_events_transmission_id"),
        Index("ix_paypal_events_merchant_id_received_at", "merchant_id", "received_at", "id"),
        Index("ix_paypal_events_waiting", "merchant_id", "next_try_at", postgresql_where=text("state = 'waiting'")),
        Index(
            "ix_paypal_events_waiting_subject",
            "merchant_id",
            "subject",
            "next_try_at",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_paypal_events_failed", "merchant_id", "received_at", postgresql_where=text("state = 'failed'")),
        Index("ix_paypal_events_body", "received_at", postgresql_where=text("body IS NOT NULL")),
    )

    environment: Mapped[str]
    source: Mapped[EventSource] = mapped_column(words(EventSource, "source"))
    event_id: Mapped[str]  # PayPal's WH-…; of an IPN a key made of what identifies it
    transmission_id: Mapped[str | None]  # webhooks only
    event_type: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")  # the subscription's PayPal id, where the message names one
    body: Mapped[bytes | None]
    happened_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    state: Mapped[EventState] = mapped_column(words(EventState, "state"), default=EventState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")  # one word or PayPal's debug id, never a body
    handled_at: Mapped[datetime | None]
    replayed_at: Mapped[datetime | None]
    provenance: Mapped[Provenance | None] = mapped_column(words(Provenance, "provenance"))  # webhooks only
    delivery: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))  # what PayPal is asked by
