"""A refund: its own states, from the click to PayPal's last word.

recorded ─▶ calling ─▶ pending (PayPal has it) ─▶ done
               │  ▲        └──────────────────▶ failed
               ▼  │
            retrying, needs_merchant ──(a read shows the money went back)──▶ done
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from portal.domain.errors import DomainError


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
    RefundState.RECORDED: frozenset({RefundState.CALLING, RefundState.DONE}),
    RefundState.CALLING: _AFTER_A_CALL | {RefundState.CALLING},  # again, when a process died in it
    RefundState.RETRYING: frozenset({RefundState.CALLING, RefundState.DONE}),
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

    SETTLED = "settled"  # given back already, explained, or never an alarm
    CLASSIC = "classic"  # PayPal's REST API knows no classic sale
    NOTHING_LEFT = "nothing_left"
    ANOTHER_AMOUNT = "another_amount"  # not what was confirmed: a part went back meanwhile


class CannotRefund(DomainError):
    """A refund cannot be asked for, for the reason given."""

    def __init__(self, why: NoRefund) -> None:
        super().__init__(why.value)
        self.why = why


def move(state: RefundState, to: RefundState) -> RefundState:
    """Return `to`, or raise IllegalRefundMove when the diagram has no such arrow."""
    if to not in MOVES[state]:
        raise IllegalRefundMove(f"{state} does not lead to {to}")
    return to
