"""What was declared on a public page, beside the request that it is in the merchant's inbox: what was shown, and who
carries it out."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.law.countries import Country, Function, is_for_a_reason
from portal.domain.law.declarations import LINK_LIFETIME, Carrying
from portal.models.base import Base, HasCreation, HasMerchant, words
from portal.models.ends.received_requests import ReceivedRequest


class PublicDeclaration(HasCreation, HasMerchant, Base):
    """One declaration. Name, address, contract, day and moment are those of its request (`received`)."""

    __tablename__ = "public_declarations"
    __table_args__ = (
        Index("ix_public_declarations_undecided", "created_at", postgresql_where=text("decided_at IS NULL")),
        Index(
            "ix_public_declarations_due_at",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL AND confirmed_at IS NULL AND refused_at IS NULL"),
        ),
        CheckConstraint("confirmed_at IS NULL OR refused_at IS NULL", name="one_answer"),
        CheckConstraint("(carrying IS NULL) = (decided_at IS NULL)", name="decided_has_a_date"),
        CheckConstraint("due_at IS NULL OR subscription_id IS NOT NULL", name="due_names_a_subscription"),
    )

    received_request_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("received_requests.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[Function] = mapped_column(words(Function, "kind"))
    country: Mapped[Country] = mapped_column(words(Country, "country"))
    language: Mapped[str]  # in which the page was read
    text_version: Mapped[str]
    labels: Mapped[dict[str, Any]]  # as they were shown: entry, heading, confirm
    particulars: Mapped[dict[str, Any]]  # what else was declared, by the field's word (`countries.Field`)
    page_hash: Mapped[str] = mapped_column(unique=True)  # of the address of the page with the file to keep

    # Who carries it out; nothing of it is shown to whoever declared.
    carrying: Mapped[Carrying | None] = mapped_column(words(Carrying, "carrying"))  # empty: nobody has looked yet
    decided_at: Mapped[datetime | None]
    subscription_id: Mapped[uuid.UUID | None] = mapped_column(  # the only one that it can mean, else empty
        ForeignKey("subscriptions.id", ondelete="RESTRICT"), index=True
    )
    link_hash: Mapped[str | None] = mapped_column(unique=True)  # of the mail to the address on file
    due_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]  # « ce n'est pas moi »
    is_repeated: Mapped[bool] = mapped_column(default=False)  # beyond a limit: no mail, and one line in the inbox

    received: Mapped[ReceivedRequest] = relationship(lazy="raise")

    @property
    def is_answered(self) -> bool:
        """Whether the mailbox on file has spoken."""
        return self.confirmed_at is not None or self.refused_at is not None

    def asks_mailbox(self, now: datetime) -> bool:
        """Whether who reads the mailbox on file can still answer: a link is good for so long."""
        is_theirs = self.carrying in (Carrying.BY_MAIL, Carrying.AFTER_DELAY) and not self.is_answered
        return is_theirs and self.decided_at is not None and now < self.decided_at + LINK_LIFETIME

    @property
    def is_for_a_reason(self) -> bool:
        """Whether somebody has to read why."""
        return is_for_a_reason(self.particulars)

    @property
    def is_own(self) -> bool:
        """Whether who declared it was logged in: a mailbox is then not asked."""
        return self.subscription_id is not None and self.carrying in (None, Carrying.IN_ACCOUNT)

    @property
    def wished_on(self) -> date | None:
        """The day that was declared."""
        return self.received.wished_on
