"""What is told of a payment that did not come: that it is missing, that access is about to close, that it is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.money.money import Money
from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead


@dataclass(frozen=True, kw_only=True)
class MissedFacts(Clean):
    """A subscription with a missing payment, or one whose payment has come after all.

    `amount`: what is unpaid, None where nobody knows it; `open_until`: when access closes, or closed, without the
    payment, None where it stays; `is_suspended`: PayPal takes nothing at the moment.
    """

    customer_name: str
    product: str
    amount: Money | None
    since: datetime | None
    is_suspended: bool
    open_until: datetime | None
    is_open: bool
    next_payment_at: datetime | None
    path: str
    is_schedule: bool = False  # one price paid in instalments


def payment_missed(head: Letterhead, missed: MissedFacts) -> Composed:
    """Compose the news that a payment did not go through: what PayPal does, what stays open, what one can do."""
    return compose("payment_missed", head, missed=missed)


def access_closes_soon(head: Letterhead, missed: MissedFacts) -> Composed:
    """Compose the warning that access closes on a day unless the payment comes."""
    return compose("access_closes_soon", head, missed=missed)


def payment_settled(head: Letterhead, missed: MissedFacts) -> Composed:
    """Compose the news that the payment is there; `is_open` says whether access had stayed open meanwhile."""
    return compose("payment_settled", head, missed=missed)
