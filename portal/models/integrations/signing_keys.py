"""The keys that sign access tokens, of the whole installation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId


class SigningKey(HasId, HasCreation, Base):
    """One key pair (domain/integrations/signing_keys.py)."""

    __tablename__ = "signing_keys"

    signs_from: Mapped[datetime] = mapped_column(unique=True)
    public_key: Mapped[dict[str, Any]]  # as it is listed: a JSON Web Key (RFC 8037)
    private_key: Mapped[bytes] = mapped_column(LargeBinary)  # sealed
