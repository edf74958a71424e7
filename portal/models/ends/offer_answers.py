"""What customers did about the offer that stood beside the button that cancels."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.law.offers import OfferAnswer, OfferKind
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class OfferAnswered(HasId, HasCreation, HasMerchant, Base):
    """One answer, the first: whoever has one is offered nothing again.  `created_at`: when they decided."""

    __tablename__ = "offer_answers"
    __table_args__ = (
        Index("uq_offer_answers_subscription_id", "subscription_id", unique=True),
        Index("ix_offer_answers_merchant_id_answer", "merchant_id", "answer", "subscription_id"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="RESTRICT"), index=True)
    offer: Mapped[OfferKind] = mapped_column(words(OfferKind, "offer"))
    answer: Mapped[OfferAnswer] = mapped_column(words(OfferAnswer, "answer"))
