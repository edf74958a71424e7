"""What the customer is told of a refund."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.money.money import Money
from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead


@dataclass(frozen=True, kw_only=True)
class RefundFacts(Clean):
    """A payment of which PayPal shows that it went back, whole or in part."""

    product: str
    customer_name: str
    amount: Money  # that went back
    paid: Money  # the payment
    paid_at: datetime
    is_whole: bool
    is_schedule: bool = False  # one price paid in instalments
    is_access_told: bool = False  # of one that is over: what the payment paid for follows it
    access_until: datetime | None = None
    now: datetime
    payment_id: str  # PayPal's number of the payment
    path: str


def payment_refunded(head: Letterhead, refund: RefundFacts) -> Composed:
    """Compose the news that a payment, or a part of one, went back."""
    return compose("payment_refunded", head, refund=refund)
