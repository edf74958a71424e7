"""What the customer is told of a sum that PayPal did not take, though they had agreed to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.money.money import Money
from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead


@dataclass(frozen=True, kw_only=True)
class SettlementFacts(Clean):
    """A settlement that came to nothing. `path`: its own page, which says where it stands at every moment."""

    customer_name: str
    product: str
    amount: Money
    asked_at: datetime
    why: str  # nothing was taken: English, translated when it is said
    path: str
    is_schedule: bool = False  # one price paid in instalments


def settlement_failed(head: Letterhead, settlement: SettlementFacts) -> Composed:
    """Compose the news that nothing was taken, why, and what one can do."""
    return compose("settlement_failed", head, settlement=settlement)
