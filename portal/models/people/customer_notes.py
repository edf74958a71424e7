"""What the team notes of a customer, for itself."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant


class CustomerNote(HasId, HasCreation, HasMerchant, Base):
    """A note in plain text. No customer ever reads it; taken away, it is gone."""

    __tablename__ = "customer_notes"

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[uuid.UUID]  # a staff member's
    author_name: Mapped[str]
    text: Mapped[str]
