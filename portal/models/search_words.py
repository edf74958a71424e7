"""The words by which customers are found, kept by the triggers of migration 0024 (docs/decisions/0020)."""

from __future__ import annotations

import uuid

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base


class SearchWord(Base):
    """One word of a customer's name, email address or payer id, folded. Nothing but the database writes it."""

    __tablename__ = "search_words"

    merchant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)  # in the order of bytes, for prefixes
    customer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, index=True)
