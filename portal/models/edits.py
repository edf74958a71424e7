"""Each save of something that several people edit: its version, and what it changed from what to what."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from portal.models.base import Base, HasId, HasMerchant


class EditEntry(HasId, HasMerchant, Base):
    """One save. The audit chain holds its fingerprint, and the values of what is no text: a text can be forgotten."""

    __tablename__ = "edits"
    __table_args__ = (
        UniqueConstraint("subject_id", "subject_kind", "version"),
        CheckConstraint("version > 0", name="version_counts_from_one"),
    )

    subject_kind: Mapped[str]  # `product`, or a group of settings like `settings.face`
    subject_id: Mapped[uuid.UUID]
    version: Mapped[int]
    at: Mapped[datetime]
    actor_id: Mapped[uuid.UUID | None]  # whose at the desk; empty: the command line's
    changes: Mapped[dict[str, Any]]  # field → [before, after]
