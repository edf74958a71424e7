"""What is told of money that came after an end: to the customer at once, to the merchant in one mail for all of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.money.money import Money
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
    is_schedule: bool = False  # one price paid in instalments
    is_classic: bool = False  # no button here can give it back
    given_back: Money  # of the amount: by refunds,
    taken_back: Money  # by PayPal from the merchant, as after a dispute,
    left: Money  # and what the merchant still has
    came_again: Money | None = None  # of what was told as taken back: PayPal gave it to the merchant again
    is_kept: bool = False  # the merchant said that it was owed
    refund_is_stuck: bool = False  # asked for, and PayPal refused it or let it fail
    path: str

    @property
    def back(self) -> Money:
        """How much went back, in whichever way."""
        return Money(self.given_back.amount + self.taken_back.amount, self.amount.currency)


def late_payment(head: Letterhead, late: LateFacts) -> Composed:
    """Compose what the customer learns at once: how much came when, and that a refund was asked for."""
    return compose("late_payment", head, late=late)


def late_payment_refunded(head: Letterhead, late: LateFacts) -> Composed:
    """Compose the news that all of the payment went back, by a refund, taken back from the merchant, or by both."""
    return compose("late_payment_refunded", head, late=late)


def late_payment_open(head: Letterhead, late: LateFacts) -> Composed:
    """Compose the news that a part went back, or came to the merchant again, and how much is open."""
    return compose("late_payment_open", head, late=late)


def late_payment_kept(head: Letterhead, late: LateFacts) -> Composed:
    """Compose the news that the merchant calls the payment owed and does not give it back."""
    return compose("late_payment_kept", head, late=late)


def merchant_late_payments(head: Letterhead, *, rows: tuple[LateFacts, ...], more: int) -> Composed:
    """Compose one alarm for everything that the merchant was not told of yet; `more` are not listed."""
    return compose("merchant_late_payments", head, rows=rows, more=more, path="/admin/")
