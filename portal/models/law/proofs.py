"""The proof of an end: a snapshot of everything it says, as data, never changed afterwards."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.ends.end_requests import REFERENCE_ALPHABET
from portal.models.base import Base, HasId, HasMerchant


class Proof(HasId, HasMerchant, Base):
    """What was true when an end was confirmed; page, PDF and mail are made from `facts` (documents.facts)."""

    __tablename__ = "proofs"
    __table_args__ = (CheckConstraint(f"code ~ '^[{REFERENCE_ALPHABET}]{{8}}$'", name="code_is_speakable"),)

    end_request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("end_requests.id", ondelete="RESTRICT"), unique=True)
    code: Mapped[str]  # printed on it as XXXX-XXXX: whoever holds the paper may check it
    made_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]
    # Made before the fingerprints of files were kept: somebody may hold one of an older version, which has no row.
    has_older_files: Mapped[bool] = mapped_column(default=False)


class ProofFile(HasId, HasMerchant, Base):
    """A PDF of a proof that left the portal, by mail or as a download: its fingerprint, written before it left.

    The same bytes are one row, however often they are handed over; another version of the portal adds another row.
    """

    __tablename__ = "proof_files"
    __table_args__ = (
        UniqueConstraint("proof_id", "sha256"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_is_one"),
    )

    proof_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("proofs.id", ondelete="RESTRICT"))
    sha256: Mapped[str]
    issued_at: Mapped[datetime]  # when these bytes left first
