"""What other systems were last told of one customer's access to one product, and when it is to be looked at again."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasMerchant


class AccessMark(HasMerchant, Base):
    """One pair, in one of PayPal's worlds. It names no row that must be there: of one that is gone nothing is open."""

    __tablename__ = "access_marks"
    __table_args__ = (
        Index("ix_access_marks_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_access_marks_product_id", "product_id"),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    product_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    environment: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime | None]  # when it is looked at: a fact has come, or a day
    next_at: Mapped[datetime | None]  # the day at which something opens or closes, as far as was known
    told: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # empty: nothing was open
    is_silent: Mapped[bool] = mapped_column(default=False)  # it was so before anybody wanted to know: no news
    number: Mapped[int] = mapped_column(default=0)  # of what was told
