"""Two customers who were joined: who the second was and what came from them, so that they can be split again."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant


class CustomerJoining(HasId, HasCreation, HasMerchant, Base):
    """One joining. It moves with all else that names a customer when theirs is joined further; split, it is gone."""

    __tablename__ = "customer_joinings"

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    other_id: Mapped[uuid.UUID]  # whose row is gone, and comes back under this id
    by_name: Mapped[str]  # a staff member's
    former: Mapped[dict[str, Any]]  # the other's columns as they stood
    before: Mapped[dict[str, Any]]  # what the kept one's were that the joining may have changed
    moved: Mapped[dict[str, Any]]  # table → ids of the rows that were the other's
    own: Mapped[dict[str, Any]]  # table → ids of the rows that were the kept one's already: subscriptions
