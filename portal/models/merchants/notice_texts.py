"""What a merchant writes around the facts of a mail."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from portal.models.base import Base, HasCreation, HasId, HasMerchant


class NoticeText(HasId, HasCreation, HasMerchant, Base):
    """Subject, opening and closing of one mail in one language, as the mails of now use them; no row: the portal's own.

    Names in braces are filled in when a mail is written.  What it was before, `edits` keeps.
    """

    __tablename__ = "notice_texts"
    __table_args__ = (
        UniqueConstraint("merchant_id", "kind", "language"),
        CheckConstraint("subject <> '' AND opening <> ''", name="says_something"),
    )

    kind: Mapped[str]
    language: Mapped[str]
    subject: Mapped[str]
    opening: Mapped[str]
    closing: Mapped[str]
