"""What is told of terms that renew themselves: the reminder before (law.md R-FR-22), else the refund that is owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from portal.domain.money.money import Money
from portal.mail.composing import Composed, compose
from portal.mail.facts import RenewalFacts
from portal.mail.letterhead import Clean, Letterhead

REMINDER: Final = "renewal_reminder"
VERSION: Final = "FR-2026-11"  # of its words: kept with every one that is sent; another one where they change


def renewal_reminder(head: Letterhead, renewal: RenewalFacts) -> Composed:
    """Compose the reminder: when it renews, until when that can be refused, and how. Nothing else belongs into it."""
    return compose(REMINDER, head, renewal=renewal)


@dataclass(frozen=True, kw_only=True)
class RenewalRefundFacts(Clean):
    """What goes back after an end that was free of charge, as the merchant's mail says it (law.md R-FR-23)."""

    product: str
    customer_name: str
    customer_email: str | None
    amount: Money
    due_at: datetime
    path: str


def merchant_renewal_refund(head: Letterhead, refund: RenewalRefundFacts, *, days: int | None = None) -> Composed:
    """Tell the merchant that a refund is due, or, with `days`, warn that it is in so many; none: on the day itself."""
    return compose("merchant_renewal_refund", head, refund=refund, days=days)
