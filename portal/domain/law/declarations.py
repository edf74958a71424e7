"""Declarations from the public pages: accepted and dated at once, always; matching decides only who carries them out.

(law.md 8.3; docs/decisions/0038.)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Carrying(StrEnum):
    """How a declaration is carried out."""

    BY_MAIL = "by_mail"  # by whoever reads the mailbox on file, with the button that its mail leads to
    AFTER_DELAY = "after_delay"  # number and address are those on file: by itself, unless somebody there says no
    BY_MERCHANT = "by_merchant"  # everything else
    IN_ACCOUNT = "in_account"  # whoever declared was logged in


# A stranger may know the number and the address of somebody; who reads the mailbox has so long to say no.
DELAY: Final = timedelta(hours=24)
BEFORE_PAYMENT: Final = timedelta(hours=6)  # no payment is taken that the delay alone would let through
# Where that payment is nearer still, who reads the mailbox has this, or half of the time that is left.
SHORTEST: Final = timedelta(hours=1)
LINK_LIFETIME: Final = timedelta(days=30)


def due_at(now: datetime, next_payment_at: datetime | None) -> datetime:
    """Return when an unconfirmed one is carried out: after the delay, earlier before a payment, never at once."""
    usual = now + DELAY
    if next_payment_at is None or next_payment_at <= now:
        return usual
    soonest = now + min(SHORTEST, (next_payment_at - now) / 2)
    return max(soonest, min(usual, next_payment_at - BEFORE_PAYMENT))
