"""Requests to end that came by letter, email, telephone…: dated, acknowledged, open until somebody settles them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.ends.received_requests import ReceivedState, Way
from portal.domain.law.countries import Function
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words
from portal.models.ends.end_requests import EndRequest
from portal.models.subscriptions import Subscription

if TYPE_CHECKING:
    from portal.models.law.public_declarations import PublicDeclaration


class ReceivedRequest(HasId, HasCreation, HasMerchant, Base):
    """What somebody declared. `received_at` is when the merchant got it, which counts before the law."""

    __tablename__ = "received_requests"
    __table_args__ = (
        Index("ix_received_requests_open", "merchant_id", "received_at", postgresql_where=text("state = 'open'")),
        Index(
            "ix_received_requests_merchant_id_reference",
            "merchant_id",
            "reference",
            postgresql_ops={"reference": "text_pattern_ops"},
        ),
        CheckConstraint("state <> 'matched' OR end_request_id IS NOT NULL", name="matched_has_a_request"),
        CheckConstraint("state <> 'dismissed' OR dismissal <> ''", name="dismissed_has_a_reason"),
        CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled_has_a_date"),
        CheckConstraint(
            "suggested_subscription_id IS NULL OR (state = 'open' AND subscription_id IS NULL)",
            name="suggested_while_sought",
        ),
    )

    reference: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[datetime]
    way: Mapped[Way] = mapped_column(words(Way, "way"))
    name: Mapped[str]
    email: Mapped[str | None]  # lower case
    function: Mapped[Function] = mapped_column(words(Function, "function"), default=Function.CANCELLATION)
    sent_on: Mapped[date | None]  # of a withdrawal by letter: the day on which it was sent counts (R-EU-6)
    contract: Mapped[str] = mapped_column(default="")  # what they say of the contract, in their words
    wished_on: Mapped[date | None]  # the day they wish it to end; empty: none said
    message: Mapped[str] = mapped_column(default="")
    recorded_by: Mapped[str] = mapped_column(default="")  # a staff member's name; empty: the customer themselves
    subscription_id: Mapped[uuid.UUID | None] = mapped_column(  # said by the customer's own page
        ForeignKey("subscriptions.id", ondelete="RESTRICT"), index=True
    )
    suggested_subscription_id: Mapped[uuid.UUID | None] = mapped_column(  # staff had found it; they may choose another
        ForeignKey("subscriptions.id", ondelete="RESTRICT"), index=True
    )

    state: Mapped[ReceivedState] = mapped_column(words(ReceivedState, "state"), default=ReceivedState.OPEN)
    end_request_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("end_requests.id", ondelete="RESTRICT"), index=True
    )
    open_since: Mapped[datetime]  # recorded here, or open again: reminders count from then
    dismissal: Mapped[str] = mapped_column(default="")
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str] = mapped_column(default="")

    subscription: Mapped[Subscription | None] = relationship(lazy="raise", foreign_keys=subscription_id)
    suggested: Mapped[Subscription | None] = relationship(lazy="raise", foreign_keys=suggested_subscription_id)
    end_request: Mapped[EndRequest | None] = relationship(lazy="raise")
    declaration: Mapped[PublicDeclaration | None] = relationship(  # of one from a public page
        "PublicDeclaration", lazy="raise", viewonly=True, uselist=False
    )

    @property
    def is_open(self) -> bool:
        """Whether nobody has settled it."""
        return self.state is ReceivedState.OPEN

    @property
    def is_one_of_many(self) -> bool:
        """Whether anybody may have sent very many such: a word of who could not log in, or one beyond a limit."""
        if self.way is Way.PUBLIC_FORM:
            return self.declaration is not None and self.declaration.is_repeated
        return self.way is Way.NO_LOGIN

    def may_be_about(self, subscription_id: uuid.UUID) -> bool:
        """Whether the end of that subscription may answer it; one that names its own is answered by that one alone."""
        return self.subscription_id in (None, subscription_id)
