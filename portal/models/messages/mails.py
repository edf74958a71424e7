"""The outbox: a message is a row, written with the change it tells of, sent once by the worker."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.people.bounces import Report
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class MailState(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    RETURNED = "returned"  # taken by the mail server, and reported as undeliverable


class Mail(HasId, HasCreation, HasMerchant, Base):
    """One message to one person. `key` makes the same message impossible twice."""

    __tablename__ = "mails"
    __table_args__ = (
        # Nearly every message is sent: what is looked for are the few others.
        Index("ix_mails_refused", "merchant_id", "created_at", postgresql_where=text("state = 'refused'")),
        Index("ix_mails_returned", "merchant_id", "created_at", postgresql_where=text("state = 'returned'")),
        Index("ix_mails_waiting", "send_at", postgresql_where=text("state = 'waiting'")),
        Index(
            "ix_mails_with_words",
            "merchant_id",
            "created_at",
            postgresql_where=text("content IS NOT NULL OR subject <> ''"),
        ),
        Index("ix_mails_customer_id", "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
    )

    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    recipient: Mapped[str]
    language: Mapped[str]
    subject: Mapped[str]
    content: Mapped[bytes | None]  # sealed JSON {text, html}; wiped once sent when it holds a log-in code
    message_id: Mapped[str] = mapped_column(unique=True)
    end_request_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("end_requests.id"), index=True)
    # Whom it was written to, of a message to a customer; those before migration 0030 have their request alone.
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"))
    state: Mapped[MailState] = mapped_column(words(MailState, "state"), default=MailState.WAITING)
    send_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
    rounds: Mapped[int] = mapped_column(default=0)  # how often it was sent anew after it was refused or came back
    # What servers on the way report of this round (RFC 3464): the weightiest, with its status code and sentence.
    report: Mapped[Report | None] = mapped_column(words(Report, "report"))
    report_code: Mapped[str] = mapped_column(default="")
    report_words: Mapped[str] = mapped_column(default="")
    reported_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]  # of a refused or returned one: somebody has read it in the inbox
    seen_by: Mapped[str] = mapped_column(default="")
