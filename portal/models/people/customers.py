"""Customers: who buys. Each belongs to one merchant."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, column, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import EXTERNAL_ID, Base, HasCreation, HasId, HasMerchant
from portal.models.names import reading_order


class Customer(HasId, HasCreation, HasMerchant, Base):
    """A buyer. PayPal may know no email address; the payer id is PayPal's stable key per merchant.

    Addresses change in one place, `services/people/customer_addresses.py`.
    """

    __tablename__ = "customers"
    __table_args__ = (
        Index(
            "uq_customers_merchant_id_email",
            "merchant_id",
            "email",
            "email_place",
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
        Index("ix_customers_merchant_id_created_at", "merchant_id", "created_at", "id"),
        Index(
            "ix_customers_without_email",
            *("merchant_id", "created_at", "id"),
            postgresql_where=text("email IS NULL AND erased_at IS NULL"),
        ),
        Index(
            "ix_customers_erased",
            *("merchant_id", "created_at", "id"),
            postgresql_where=text("erased_at IS NOT NULL"),
        ),
        Index(
            "uq_customers_merchant_id_external_id",
            "merchant_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        CheckConstraint(EXTERNAL_ID, name="external_id"),
        Index("ix_customers_merchant_id_name", "merchant_id", reading_order(column("name")), "id"),
    )

    email: Mapped[str | None]  # in its normal form (domain/people/email_addresses.py)
    # 0: it is theirs. Customers of one address in two spellings share it until staff join them: 1, 2… came later.
    email_place: Mapped[int] = mapped_column(default=0)
    paypal_email: Mapped[str | None]  # what PayPal names for the same payer, where that is another address
    paypal_email_at: Mapped[datetime | None]  # since when it is known here
    paypal_email_declined: Mapped[bool] = mapped_column(default=False)  # by staff: offered no more
    name: Mapped[str] = mapped_column(default="")
    payer_id: Mapped[str | None]
    external_id: Mapped[str | None]  # the merchant's own (domain/integrations/external_ids.py)
    locale: Mapped[str | None]  # None: the merchant's
    time_zone: Mapped[str | None]  # None: the merchant's
    contact_allowed: Mapped[bool] = mapped_column(default=True)
    reminders_allowed: Mapped[bool] = mapped_column(default=True)
    # The names of those answers that they gave by themselves (domain/people/profiles.py): nobody else changes these.
    own_answers: Mapped[list[str]] = mapped_column(JSONB, default=list)
    seen_at: Mapped[datetime | None]  # their last log-in: retention counts from it, too
    # From then on it says who nobody is: no name, no address, no payer, and none of them comes back.
    erased_at: Mapped[datetime | None]
