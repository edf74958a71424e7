"""What becomes of a payment: a ladder that only climbs, so that neither order nor doubles of news can matter.

PayPal's transactions say most of it (FACTS.md 1.3).  They know no word for a reversal, and none for how much of a
part refund was given back: there, and only there, the verified message's own word counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from portal.domain.money import Money

LADDER: Final = ("pending", "denied", "completed", "partially_refunded", "refunded", "reversed")
NOTHING: Final = Decimal(0)

WORDS: Final[Mapping[str, str]] = {
    "PENDING": "pending",
    "DECLINED": "denied",
    "FAILED": "denied",
    "COMPLETED": "completed",
    "PARTIALLY_REFUNDED": "partially_refunded",
    "REFUNDED": "refunded",
}


@dataclass(frozen=True)
class Standing:
    """Where a payment stands: its rung, and how much of it was given back, in the payment's own currency."""

    state: str
    refunded: Decimal = NOTHING


def shown(word: str) -> Standing | None:
    """Return where PayPal's transaction puts a payment; None for a word nobody has seen."""
    state = WORDS.get(word)
    return Standing(state) if state else None


def refund_told(amount: Money, refunded_in_all: Money | None) -> Standing | None:
    """Return where a refund message puts a payment of `amount`; None unless what it says fits the payment.

    It fits in the same currency, above nothing and up to the amount: nothing else is ever taken over.
    """
    told = refunded_in_all
    if told is None or told.currency != amount.currency or not NOTHING < told.amount <= amount.amount:
        return None
    return Standing("refunded" if told.amount == amount.amount else "partially_refunded", told.amount)


def climb(amount: Decimal, *news: Standing) -> Standing:
    """Return the highest rung of what is known and what was heard of a payment of `amount`, in any order."""
    state = max((one.state for one in news), key=LADDER.index)
    wholly = any(one.state == "refunded" for one in news)  # also of one that was reversed besides
    return Standing(state, amount if wholly else max(one.refunded for one in news))
