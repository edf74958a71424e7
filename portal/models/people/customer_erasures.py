"""Customers who asked that what is kept of them goes, and how PayPal accounts of the erased are known again."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.people.customer_erasures import ErasureState
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class CustomerErasure(HasId, HasCreation, HasMerchant, Base):
    """One wish. No name and no address stands in it: it stays as the proof that it was carried out."""

    __tablename__ = "customer_erasures"
    __table_args__ = (
        Index("uq_customer_erasures_open", "customer_id", unique=True, postgresql_where=text("state = 'open'")),
        CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done_has_a_date"),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_has_a_date"),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)
    state: Mapped[ErasureState] = mapped_column(words(ErasureState, "state"), default=ErasureState.OPEN)
    due_at: Mapped[datetime]  # not before
    ends: Mapped[list[str]] = mapped_column(JSONB, default=list)  # ids of the requests to end that it led to
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # rows erased, a table each
    withdrawn_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]


class ErasedPayer(HasMerchant, Base):
    """A PayPal account that an erased customer had paid with, as a hash.

    What PayPal shows of it from before the erasure is theirs, and brings no name and no address back.
    """

    __tablename__ = "erased_payers"

    payer_hash: Mapped[str] = mapped_column(primary_key=True)  # of the merchant's id and PayPal's payer id
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    erased_at: Mapped[datetime]
