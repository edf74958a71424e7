"""A merchant's client at their own site, by which their customers log in (domain.site_logins)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.integrations.site_logins import Proof
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class SiteLogin(HasId, HasCreation, HasMerchant, Base):
    """A merchant's client at their site. Off until an owner switches it on; the secret is never shown again."""

    __tablename__ = "site_logins"
    __table_args__ = (
        UniqueConstraint("merchant_id", name="uq_site_logins_merchant_id"),
        CheckConstraint("issuer ~ '^https?://'", name="issuer_is_an_address"),
        CheckConstraint("(proof = 'external_id') = (claim <> '')", name="claim_of_an_id"),
    )

    issuer: Mapped[str]
    client_id: Mapped[str]
    secret: Mapped[bytes]  # sealed for its row
    proof: Mapped[Proof] = mapped_column(words(Proof, "proof"))
    claim: Mapped[str] = mapped_column(default="")  # the one that holds the merchant's own id of a customer
    label_fr: Mapped[str] = mapped_column(default="")  # of the button; empty: the portal's own words
    label_en: Mapped[str] = mapped_column(default="")
    is_on: Mapped[bool] = mapped_column(default=False)
    end_session_url: Mapped[str] = mapped_column(default="")  # where the site lets log out; empty: nowhere
    set_at: Mapped[datetime]
    checked_at: Mapped[datetime]  # the last time that the site's document was read and good
