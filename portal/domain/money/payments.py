"""What becomes of a payment: a ladder that only climbs, and the sums that left it again, each under its own id.

PayPal's transactions say most of it (FACTS.md 1.3).  They know no word for a reversal, and none for how much of a
part refund was given back: there, and only there, the verified message's own word counts.  A sum that is kept under
PayPal's id of it counts once, so that neither order nor doubles of news can matter; what is left is always a sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from portal.domain.money.money import Money

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


class MoveKind(StrEnum):
    """How money leaves a payment, or comes back to it."""

    REFUND = "refund"
    REVERSAL = "reversal"  # PayPal took it, as after a dispute
    REVERSAL_CANCELLED = "reversal_cancelled"  # and gave it to the merchant again


@dataclass(frozen=True, kw_only=True)
class Move:
    """One sum that went one way, as a verified message tells it; `id` is PayPal's own of this move."""

    kind: MoveKind
    id: str
    amount: Money | None = None  # without a sign, which the kind says; None: the message does not say how much


@dataclass(frozen=True)
class Standing:
    """Where a payment stands: its rung, and what of it went back by which way, in the payment's own currency.

    `reversals` holds what was taken back above nothing, and what was given back again below it.
    """

    state: str
    refunded: Decimal = NOTHING  # as far as PayPal names a sum of all refunds, or « all »
    refunds: Mapping[str, Decimal] = field(default_factory=dict)
    reversals: Mapping[str, Decimal] = field(default_factory=dict)

    def reversed_of(self, amount: Decimal) -> Decimal:
        """Return how much is taken back now, of a payment of `amount`."""
        return min(max(sum(self.reversals.values(), NOTHING), NOTHING), amount)

    def went_back(self, amount: Decimal) -> Decimal:
        """Return how much is gone now, in whichever way: never more than is surely gone.

        PayPal's word and sum for all refunds may hold the reversals or not, so they are never added to them; and
        once PayPal gave a reversal back, they may be of the time before that: then each sum counts for itself.
        """
        named = sum(self.refunds.values(), NOTHING) + self.reversed_of(amount)
        told = NOTHING if self.is_given_back else self.refunded
        return min(max(told, named), amount)

    @property
    def given_again(self) -> Decimal:
        """How much of what was taken back has been given to the merchant again, whatever went back since."""
        return -sum((size for size in self.reversals.values() if size < NOTHING), NOTHING)

    @property
    def is_given_back(self) -> bool:
        """Whether a reversal was cancelled, in whole or in part."""
        return self.given_again > NOTHING


def shown(word: str) -> Standing | None:
    """Return where PayPal's transaction puts a payment; None for a word nobody has seen."""
    state = WORDS.get(word)
    return Standing(state) if state else None


def refund_told(amount: Money, refunded_in_all: Money | None) -> Standing | None:
    """Return where a refund message's sum of all refunds puts a payment; None unless it fits the payment."""
    told = fitting(amount, refunded_in_all)
    if told is None:
        return None
    return Standing("refunded" if told == amount.amount else "partially_refunded", told)


def moved(amount: Money, move: Move) -> Standing:
    """Return where one move puts a payment of `amount`.

    One whose sum does not fit the payment says that something went, and not how much: it claims nothing else.
    """
    size = fitting(amount, move.amount)
    if size is None or not move.id:
        return Standing("completed" if move.kind is MoveKind.REVERSAL_CANCELLED else "partially_refunded")
    if move.kind is MoveKind.REFUND:
        return Standing("completed", refunds={move.id: size})
    return Standing("completed", reversals={move.id: size if move.kind is MoveKind.REVERSAL else -size})


def fitting(amount: Money, told: Money | None) -> Decimal | None:
    """Return a told sum that fits a payment: same currency, above nothing, up to the amount. None for any other."""
    if told is None or told.currency != amount.currency or not NOTHING < told.amount <= amount.amount:
        return None
    return told.amount


def climb(amount: Decimal, *news: Standing) -> Standing:
    """Return where a payment of `amount` stands by what is known and what was heard of it, in any order.

    The rung climbs by PayPal's words; above *completed* it is what the sums say, and goes down again with them alone.
    """
    refunds, reversals = _sums(one.refunds for one in news), _sums(one.reversals for one in news)
    wholly = any(one.state == "refunded" for one in news)
    told = amount if wholly else max(one.refunded for one in news)
    refunded = min(max(told, sum(refunds.values(), NOTHING)), amount)
    rung = max(("completed" if one.state == "reversed" else one.state for one in news), key=LADDER.index)
    if reversals and rung == "partially_refunded":
        rung = "completed"  # the sums say it, and may take it back
    return replace(found := Standing(rung, refunded, refunds, reversals), state=_state(found, amount))


def _sums(told: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    """Return each move's sum once: of two under one id the larger, for both are one move, and none of it is lost."""
    found: dict[str, Decimal] = {}
    for sums in told:
        for key, size in sums.items():
            found[key] = max(found.get(key, NOTHING), size, key=lambda one: (abs(one), -one))
    return found


def _state(found: Standing, amount: Decimal) -> str:
    back = found.went_back(amount)
    if (found.state == "refunded" and not found.is_given_back) or NOTHING < amount == back:
        return "reversed" if found.reversed_of(amount) else "refunded"
    if back:
        return "partially_refunded"
    return "completed" if found.state == "refunded" else found.state
