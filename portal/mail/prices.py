"""What a customer is told of a price that has changed at PayPal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.money.money import Money
from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead


@dataclass(frozen=True, kw_only=True)
class PriceFacts(Clean):
    """A subscription's price as PayPal names it now, and as it was; `path`: its page, where it is ended."""

    customer_name: str
    product: str
    former: Money
    amount: Money
    interval_unit: str | None
    interval_count: int
    next_payment_at: datetime | None  # the first one at the new price; None while PayPal names none
    path: str
    is_schedule: bool = False  # one price paid in instalments


def price_changed(head: Letterhead, price: PriceFacts) -> Composed:
    """Compose the news: both prices, from when, and how to stop before."""
    return compose("price_changed", head, price=price)
