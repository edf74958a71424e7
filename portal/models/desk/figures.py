"""What is counted of a merchant's subscriptions, day by day, and the changes that are not counted in yet.

Triggers write the changes, in the transaction of what changes (migration 0068): so what the days say, with the changes
that wait, is true at any moment (docs/decisions/0052).
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.desk.figures import Figure
from portal.models.base import Base, words

NUMBER = Numeric(24, 4)  # the sum of many amounts


class FigureBook(Base):
    """One merchant's book: by whose calendar its days are, and the last day that it has opened."""

    __tablename__ = "figure_books"

    merchant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("merchants.id", ondelete="RESTRICT"), primary_key=True)
    time_zone: Mapped[str]
    day: Mapped[date]
    begun_on: Mapped[date]  # days before it are reckoned from the dates of the subscriptions
    counted_at: Mapped[datetime]  # when everything was last counted anew


class DailyFigure(Base):
    """One number of one day. Of what stands, the row of the book's day is how it stands now."""

    __tablename__ = "daily_figures"

    merchant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("merchants.id", ondelete="RESTRICT"), primary_key=True)
    figure: Mapped[Figure] = mapped_column(words(Figure, "figure"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # a status, a currency, a kind of end, a reason; or nothing
    number: Mapped[Decimal] = mapped_column(NUMBER)


class FigureChange(Base):
    """Something that the days do not hold yet. No key leads to the merchant: what is only added waits for nobody."""

    __tablename__ = "figure_changes"
    __table_args__ = (Index("ix_figure_changes_merchant_id", "merchant_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    merchant_id: Mapped[uuid.UUID]
    figure: Mapped[str]
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))  # when, to a quarter of an hour
    number: Mapped[Decimal] = mapped_column(NUMBER)
