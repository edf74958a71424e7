"""The proof of an end: a snapshot of everything it says, as data, never changed afterwards."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.end_requests import REFERENCE_ALPHABET
from portal.models.base import Base, HasId, HasMerchant


class Proof(HasId, HasMerchant, Base):
    """What was true when an end was confirmed; page, PDF and mail are made from `facts` (documents.facts)."""

    __tablename__ = "proofs"
    __table_args__ = (CheckConstraint(f"code ~ '^[{REFERENCE_ALPHABET}]{{8}}$'", name="code_is_speakable"),)

    end_request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("end_requests.id", ondelete="RESTRICT"), unique=True)
    code: Mapped[str]  # printed on it as XXXX-XXXX: whoever holds the paper may check it
    made_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]
