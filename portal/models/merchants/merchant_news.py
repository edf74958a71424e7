"""What a merchant is told in one mail with other things of its kind: one row per thing, so that each is told once."""

from __future__ import annotations

import uuid
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class NewsKind(StrEnum):
    """What the mail that lists it is about."""

    REQUESTED = "requested"
    NEEDS_YOU = "needs_you"
    OVERDUE = "overdue"
    LATE = "late"  # a planned end missed its time
    NOTIFIED = "notified"  # asked by another way: the merchant has to end it


class MerchantNews(HasId, HasCreation, HasMerchant, Base):
    """One thing told, by the mail that tells it. Without a mail it was dropped before that left."""

    __tablename__ = "merchant_news"
    __table_args__ = (
        Index("ix_merchant_news_mail_id", "mail_id"),
        Index("ix_merchant_news_told", "merchant_id", "kind", "created_at"),
    )

    kind: Mapped[NewsKind] = mapped_column(words(NewsKind, "kind"))
    key: Mapped[str] = mapped_column(unique=True)
    end_request_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("end_requests.id", ondelete="CASCADE"), index=True
    )
    received_request_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("received_requests.id", ondelete="CASCADE"), index=True
    )
    mail_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("mails.id", ondelete="CASCADE"))
