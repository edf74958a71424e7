"""Merchants: who sells, and what they decided."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId


class Merchant(HasId, HasCreation, Base):
    """A seller. `slug` is the name in its customers' addresses."""

    __tablename__ = "merchants"
    __table_args__ = (CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{1,62}$'", name="slug"),)

    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    locale: Mapped[str] = mapped_column(default="fr")
    time_zone: Mapped[str] = mapped_column(default="Europe/Paris")
    support_email: Mapped[str | None]
    self_cancellation: Mapped[bool] = mapped_column(default=False)
    cancellation_text: Mapped[str] = mapped_column(default="")  # shown in place of the button when it is off
    first_customer_at: Mapped[datetime | None]  # when a customer logged in for the first time
