"""A merchant's legal texts, version by version."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.law.legal_texts import LegalKind, Version
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class LegalText(HasId, HasCreation, HasMerchant, Base):
    """One version of one text in one language, as it was published. It never changes, and stays when its merchant goes.

    `text` is what the portal wrote, from the merchant's answers and from what it really stores; `own_text` is what the
    merchant added, in the language they wrote it in.
    """

    __tablename__ = "legal_texts"
    __table_args__ = (
        UniqueConstraint("merchant_id", "kind", "language", "number"),
        CheckConstraint("number > 0", name="number_counts_from_one"),
        CheckConstraint("text <> '' OR own_text <> ''", name="says_something"),
    )

    kind: Mapped[LegalKind] = mapped_column(words(LegalKind, "kind"))
    language: Mapped[str]
    number: Mapped[int]
    valid_from: Mapped[date]  # a day of the merchant's own calendar
    text: Mapped[str]
    own_text: Mapped[str]
    own_language: Mapped[str]
    answers: Mapped[dict[str, Any]]  # what was typed, for the next version to begin with
    actor_id: Mapped[uuid.UUID | None]  # who published it at the desk

    @property
    def version(self) -> Version:
        """The version, as the rules choose among them."""
        return Version(number=self.number, valid_from=self.valid_from)
