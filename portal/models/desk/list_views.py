"""Saved views of the desk's lists."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.desk.list_views import List
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class ListView(HasId, HasCreation, HasMerchant, Base):
    """One view. `query` are the parameters of the list's address, as they are written (domain/desk/list_filters.py)."""

    __tablename__ = "list_views"
    __table_args__ = (CheckConstraint("name <> ''", name="has_a_name"),)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    of_list: Mapped[List] = mapped_column(words(List, "of_list"))
    name: Mapped[str]
    query: Mapped[list[list[str]]] = mapped_column(JSONB)
    is_shared: Mapped[bool] = mapped_column(default=False)
