"""A refund: its own states, from the click to PayPal's last word.

recorded ─▶ calling ─▶ pending (PayPal has it) ─▶ done
               │  ▲        └──────────────────▶ failed
               ▼  │
            retrying, needs_merchant ──(a read shows the money went back)──▶ done

PayPal may take the money back before it is given back: whatever is open has failed then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Final

from portal.domain.errors import DomainError
from portal.domain.money.money import Money


class RefundState(StrEnum):
    """Where a refund stands."""

    RECORDED = "recorded"
    CALLING = "calling"
    RETRYING = "retrying"
    NEEDS_MERCHANT = "needs_merchant"
    PENDING = "pending"  # PayPal has taken it and named it; it is read until it is done or failed
    DONE = "done"
    FAILED = "failed"


OPEN: Final = frozenset(RefundState) - {RefundState.DONE, RefundState.FAILED}

_AFTER_A_CALL: Final = frozenset(
    {RefundState.RETRYING, RefundState.NEEDS_MERCHANT, RefundState.PENDING, RefundState.DONE, RefundState.FAILED}
)
MOVES: Final[Mapping[RefundState, frozenset[RefundState]]] = {
    RefundState.RECORDED: frozenset({RefundState.CALLING, RefundState.DONE, RefundState.FAILED}),
    RefundState.CALLING: _AFTER_A_CALL | {RefundState.CALLING},  # again, when a process died in it
    RefundState.RETRYING: frozenset({RefundState.CALLING, RefundState.DONE, RefundState.FAILED}),
    # PayPal may refuse for good: the merchant then settles it otherwise, and this refund is over.
    RefundState.NEEDS_MERCHANT: frozenset({RefundState.CALLING, RefundState.DONE, RefundState.FAILED}),
    RefundState.PENDING: frozenset({RefundState.DONE, RefundState.FAILED}),
    RefundState.DONE: frozenset(),
    RefundState.FAILED: frozenset(),
}
WORDS: Final[Mapping[str, RefundState]] = {  # PayPal's
    "pending": RefundState.PENDING,
    "completed": RefundState.DONE,
    "cancelled": RefundState.FAILED,
    "failed": RefundState.FAILED,
}


class IllegalRefundMove(DomainError):
    """A refund cannot go from one state to the other; *done* and *failed* never go back."""


class NoRefund(StrEnum):
    """Why there is nothing that a click could give back."""

    CLASSIC = "classic"  # PayPal's REST API knows no classic sale
    NOTHING_LEFT = "nothing_left"
    ANOTHER_AMOUNT = "another_amount"  # not what was confirmed: a part went back meanwhile
    NOT_AN_AMOUNT = "not_an_amount"  # nothing, more than is left, or smaller coins than the currency has
    TOO_OLD = "too_old"  # PayPal gives no such payment back any more
    NEVER_TAKEN = "never_taken"  # refused, or not settled yet
    WITH_END = "with_end"  # another one was decided with an end, and waits for it


class CannotRefund(DomainError):
    """A refund cannot be asked for, for the reason given."""

    def __init__(self, why: NoRefund) -> None:
        super().__init__(why.value)
        self.why = why


REFUNDABLE_FOR: Final = timedelta(days=180)  # after the payment, PayPal's own limit


class WithEnd(StrEnum):
    """What staff give back together with an end."""

    NOTHING = "nothing"
    LAST_PAYMENT = "last_payment"
    UNUSED = "unused"  # of the last payment, by the days that it still pays


class WithEndState(StrEnum):
    """What became of a refund that was decided with an end."""

    WAITING = "waiting"  # for PayPal's word that the subscription has ended
    ASKED = "asked"  # it is a refund now, with its own states
    NOTHING_LEFT = "nothing_left"  # the payment had gone back meanwhile


def refusal(left: Money, amount: Money, *, paid_at: datetime, now: datetime) -> NoRefund | None:
    """Return why `amount` of a payment cannot be given back of which `left` is left; None when it can."""
    if left.amount <= 0:
        return NoRefund.NOTHING_LEFT
    if now - paid_at > REFUNDABLE_FOR:
        return NoRefund.TOO_OLD
    if not 0 < amount.amount <= left.amount or amount.amount % amount.smallest:
        return NoRefund.NOT_AN_AMOUNT
    return None


def rest(amount: Decimal, *, left_before: Decimal, left: Decimal) -> Decimal:
    """Return how much of a refund is still to be sent: what went back since it was asked for counts towards it.

    By hand or by PayPal, or by our own call whose answer was lost: no sum leaves a second time.
    """
    return min(amount - max(left_before - left, amount * 0), left)


def unused(paid: Money, left: Money, *, paid_on: date, paid_until: date, ended_on: date) -> Money:
    """Return what a payment's days after the end come to, rounded down, and never more than is left of it.

    The day of the end counts as used, the day on which the paid time runs out does not belong to it.
    """
    whole, ahead = (paid_until - paid_on).days, (paid_until - ended_on).days - 1
    if whole <= 0 or ahead <= 0:
        return Money(left.amount * 0, left.currency)
    share = (paid.amount * min(ahead, whole) / whole).quantize(paid.smallest, rounding=ROUND_DOWN)
    return Money(min(share, left.amount), left.currency)


def move(state: RefundState, to: RefundState) -> RefundState:
    """Return `to`, or raise IllegalRefundMove when the diagram has no such arrow."""
    if to not in MOVES[state]:
        raise IllegalRefundMove(f"{state} does not lead to {to}")
    return to
