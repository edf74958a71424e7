"""What both sides are told when a customer came back: written after PayPal's read has shown the approval."""

from __future__ import annotations

from portal.mail.composing import Composed, compose
from portal.mail.facts import ComebackFacts
from portal.mail.letterhead import Letterhead


def comeback_approved(head: Letterhead, comeback: ComebackFacts) -> Composed:
    """Compose the customer's news: from when, at what price, and how to stop it."""
    return compose("comeback_approved", head, comeback=comeback)


def merchant_comeback_approved(head: Letterhead, comeback: ComebackFacts) -> Composed:
    """Compose the merchant's news that a customer is back."""
    return compose("merchant_comeback_approved", head, comeback=comeback)
