"""Customers: who buys. Each belongs to one merchant."""

from __future__ import annotations

from sqlalchemy import Index, column, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant
from portal.models.names import reading_order


class Customer(HasId, HasCreation, HasMerchant, Base):
    """A buyer. PayPal may know no e-mail address; the payer id is PayPal's stable key per merchant."""

    __tablename__ = "customers"
    __table_args__ = (
        Index(
            "uq_customers_merchant_id_email",
            "merchant_id",
            "email",
            unique=True,
            postgresql_where=text("email IS NOT NULL"),
        ),
        Index(
            "uq_customers_merchant_id_payer_id",
            "merchant_id",
            "payer_id",
            unique=True,
            postgresql_where=text("payer_id IS NOT NULL"),
        ),
        Index("ix_customers_merchant_id_name", "merchant_id", reading_order(column("name")), "id"),
    )

    email: Mapped[str | None]  # lower case
    name: Mapped[str] = mapped_column(default="")
    payer_id: Mapped[str | None]
    locale: Mapped[str | None]  # None: the merchant's
    contact_allowed: Mapped[bool] = mapped_column(default=True)
