"""Logos of merchants, as they are served."""

from __future__ import annotations

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from portal.models.base import Base, HasCreation, HasId, HasMerchant


class Logo(HasId, HasCreation, HasMerchant, Base):
    """A picture that we wrote anew (services.pictures), as PNG. It never changes: another picture is another row.

    The merchant's row names the one that customers see; any other is seen by its owner alone, and goes after a day.
    """

    __tablename__ = "logos"
    __table_args__ = (CheckConstraint("octet_length(content) BETWEEN 1 AND 1048576", name="content_is_small"),)

    content: Mapped[bytes]
