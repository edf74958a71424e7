"""What is told of money that came after an end: to the customer at once, to the merchant in one mail for all of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.money import Money
from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead


@dataclass(frozen=True, kw_only=True)
class LateFacts(Clean):
    """A payment that PayPal took after it had confirmed the end."""

    product: str
    customer_name: str
    customer_email: str | None
    amount: Money
    paid_at: datetime
    provider_id: str  # PayPal's number of the payment
    reference: str = ""  # of the request to end; empty where nobody asked here
    asked_by_customer: bool = False
    is_classic: bool = False  # no button here can give it back
    is_reversed: bool = False  # PayPal took it back from the merchant, as after a dispute
    refund_is_stuck: bool = False  # asked for, and PayPal refused it or let it fail
    path: str


def late_payment(head: Letterhead, late: LateFacts) -> Composed:
    """Compose what the customer learns at once: how much came when, and that a refund was asked for."""
    return compose("late_payment", head, late=late)


def late_payment_refunded(head: Letterhead, late: LateFacts) -> Composed:
    """Compose the news that PayPal shows the payment as given back, or as taken back from the merchant."""
    return compose("late_payment_refunded", head, late=late)


def late_payment_kept(head: Letterhead, late: LateFacts) -> Composed:
    """Compose the news that the merchant calls the payment owed and does not give it back."""
    return compose("late_payment_kept", head, late=late)


def merchant_late_payments(head: Letterhead, *, rows: tuple[LateFacts, ...], more: int) -> Composed:
    """Compose one alarm for everything that the merchant was not told of yet; `more` are not listed."""
    return compose("merchant_late_payments", head, rows=rows, more=more, path="/admin/")
