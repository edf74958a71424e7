"""Merchants: who sells, and what they decided."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.law.countries import Country
from portal.domain.merchants.merchants import MerchantState, state_of
from portal.domain.money.receipts import LONGEST_TEXT
from portal.models.base import Base, HasCreation, HasId, words

HTTPS = "~ '^(https://|$)'"  # what customers are sent to is encrypted; empty: there is none


class Merchant(HasId, HasCreation, Base):
    """A seller. `slug` is the name in its customers' addresses."""

    __tablename__ = "merchants"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{1,62}$'", name="slug"),
        CheckConstraint("accent ~ '^(#[0-9a-f]{6})?$'", name="accent_is_a_colour"),
        CheckConstraint(
            f"site_url {HTTPS} AND terms_url {HTTPS} AND privacy_url {HTTPS} AND legal_url {HTTPS}",
            name="addresses_are_https",
        ),
        CheckConstraint(f"length(postal_address) <= {LONGEST_TEXT}", name="postal_address"),
        CheckConstraint(f"length(receipt_text) <= {LONGEST_TEXT}", name="receipt_text"),
        CheckConstraint("suspended_at IS NULL OR suspended_why <> ''", name="suspended_has_a_reason"),
        CheckConstraint("(leaving_at IS NULL) = (gone_at IS NULL)", name="leaving_has_a_day"),
        CheckConstraint("gone_at > leaving_at", name="leaving_takes_time"),
        CheckConstraint("closed_at >= gone_at", name="closed_after_its_last_day"),
        CheckConstraint("erased_at >= closed_at", name="erased_after_closing"),
        Index("uq_merchants_own_host", "own_host", unique=True),
    )

    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    locale: Mapped[str] = mapped_column(default="fr")
    time_zone: Mapped[str] = mapped_column(default="Europe/Paris")
    support_email: Mapped[str | None]
    self_cancellation: Mapped[bool] = mapped_column(default=False)
    cancellation_text: Mapped[str] = mapped_column(default="")  # shown in place of the button when it is off
    first_customer_at: Mapped[datetime | None]  # when a customer logged in for the first time
    # The face: empty is the portal's own, or none.
    sender_name: Mapped[str] = mapped_column(default="")  # of mails to customers; the address stays the portal's
    accent: Mapped[str] = mapped_column(default="")  # #rrggbb, checked where it is set (domain.colours)
    site_url: Mapped[str] = mapped_column(default="")
    terms_url: Mapped[str] = mapped_column(default="")
    privacy_url: Mapped[str] = mapped_column(default="")
    legal_url: Mapped[str] = mapped_column(default="")
    receipt_text: Mapped[str] = mapped_column(default="")  # its own lines on each receipt
    hidden_sections: Mapped[list[str]] = mapped_column(JSONB, default=list)  # of the customers' space (domain.sections)
    notices_left_out: Mapped[list[str]] = mapped_column(JSONB, default=list)  # of what may be (domain.notices)
    leaving_reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)  # (domain.leaving_reasons)
    leaving_offer: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)  # beside cancelling (domain.offers)
    retention: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)  # kind → span, where it is not the usual one
    return_addresses: Mapped[list[str]] = mapped_column(JSONB, default=list)  # where tasks may lead back to
    placed_links: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict
    )  # on its site: what → day (domain.site_links)
    # Under whose consumers' law it sells (domain.countries), and how its public pages for that stand.
    country: Mapped[Country] = mapped_column(words(Country, "country"), default=Country.FR)
    sells_to: Mapped[list[str]] = mapped_column(JSONB, default=lambda: [Country.FR.value])
    # Contracts from that day on: the customer was informed of the right of withdrawal. Their word, no proof.
    withdrawal_informed_since: Mapped[date | None]
    public_indexed: Mapped[bool] = mapped_column(default=False)  # search engines may list them
    postal_address: Mapped[str] = mapped_column(default="")  # where letters of customers go
    logo_id: Mapped[uuid.UUID | None]  # no foreign key: the two tables would name each other
    own_host: Mapped[str | None]  # of its customers' pages, while it is active (OwnHost)
    # Its life (domain.merchants).
    suspended_at: Mapped[datetime | None]
    suspended_why: Mapped[str] = mapped_column(default="")  # the operator's words, which the desk reads
    leaving_at: Mapped[datetime | None]  # since when it leaves
    gone_at: Mapped[datetime | None]  # from when its rows may go
    closed_at: Mapped[datetime | None]  # nobody comes in any more, and the leaving cannot be taken back
    erased_at: Mapped[datetime | None]  # what had to go is gone

    if TYPE_CHECKING:
        types_wanted: list[list[str]] | None  # by its endpoints (models/integrations/event_endpoints.py)

    @property
    def state(self) -> MerchantState:
        """Where it stands."""
        return state_of(suspended_at=self.suspended_at, leaving_at=self.leaving_at)
