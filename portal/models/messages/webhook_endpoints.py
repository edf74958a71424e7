"""Where PayPal reports to us: one secret address per merchant and environment."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class WebhookTrouble(StrEnum):
    """Why PayPal does not report to us yet; each has its own sentence on the page."""

    ADDRESS_NOT_PUBLIC = "address_not_public"  # PayPal only calls https addresses on port 443
    LIMIT_REACHED = "limit_reached"  # ten webhooks exist at this application, none of them ours
    MISSING_RIGHT = "missing_right"  # « Webhooks » is not ticked
    KEY_REFUSED = "key_refused"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"  # anything else; the debug id tells PayPal's support


class WebhookEndpoint(HasId, HasCreation, HasMerchant, Base):
    """The address `/webhooks/paypal/<token>` (and `…/ipn`), and the webhook that PayPal keeps for it.

    The webhook id is part of what PayPal signs, so it is looked up here and never taken from a message (FACTS.md 2.5).
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (UniqueConstraint("merchant_id", "environment", name="uq_webhook_endpoints_environment"),)

    environment: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True)  # 256 bits: whoever knows it may knock, no more
    webhook_id: Mapped[str | None]  # PayPal's id, once registered
    url: Mapped[str] = mapped_column(default="")  # as registered at PayPal
    registered_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    trouble: Mapped[WebhookTrouble | None] = mapped_column(words(WebhookTrouble, "trouble"))
    debug_id: Mapped[str] = mapped_column(default="")
    last_refused_at: Mapped[datetime | None]  # a message whose signature did not hold; it is not stored
    last_refusal: Mapped[str] = mapped_column(default="")
    refused_count: Mapped[int] = mapped_column(default=0)
    test_asked_at: Mapped[datetime | None]  # simulate-event was asked for
    test_seen_at: Mapped[datetime | None]  # and its message arrived
    last_fetch: Mapped[dict[str, Any] | None]  # what the last « fetch what was missed » found so far
