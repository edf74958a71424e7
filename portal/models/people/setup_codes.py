"""Codes by which the operator's first merchant is made on a page, before anybody can log in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId


class SetupCode(HasId, HasCreation, Base):
    """A code that the operator was shown once: good for a day and one merchant. Only its hash is here."""

    __tablename__ = "setup_codes"

    code_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
