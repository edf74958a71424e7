"""One act on many subscriptions: how many at most, and what it does to each (cancellation.md, Staff)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from portal.domain.subscriptions import ENDED, Action, IllegalTransition, Status, transition

MOST_ROWS: Final = 10_000  # in one act
ONE_CONFIRMATION: Final = 50  # above it the number is typed, after a recent log-in


class Effect(StrEnum):
    """What an act does to one subscription. The preview counts it; the job of the row asks again and obeys."""

    AT_PAYPAL = "at_paypal"  # ended through the engine: PayPal is told
    NOT_BEGUN = "not_begun"  # the same engine, but it was never approved: nothing to call
    LOCAL = "local"  # cancelled → abandoned: our own word alone
    HAS_REQUEST = "has_request"  # somebody asked already: that request goes on, nothing is doubled
    NOTIFIED = "notified"  # its customer has asked for the end: it is cancelled by hand, never this
    WISHED_LATER = "wished_later"  # its customer has asked for a later day: an end at once is not what they wish
    IS_OVER = "is_over"  # completed, abandoned or cancelled never change that way
    NOT_POSSIBLE = "not_possible"  # the state does not know this end


ASKS: Final = frozenset({Effect.AT_PAYPAL, Effect.NOT_BEGUN})
ACTS: Final = ASKS | {Effect.LOCAL}


def effect_of(
    status: Status, action: Action, *, has_request: bool, notified: bool = False, wished_later: bool = False
) -> Effect:
    """Return what the act does to a subscription in this state.

    `has_request`: an open request is in the way; one that only waits for a later day is not, staff replace it.
    `notified`: the customer has asked for the end by another way, which *cancelled* alone answers (decision 7);
    `wished_later`: for a day that has not come.
    """
    if has_request:
        return Effect.HAS_REQUEST
    try:
        transition(status, action)
    except IllegalTransition:
        return Effect.IS_OVER if status in ENDED else Effect.NOT_POSSIBLE
    if status in ENDED:
        return Effect.LOCAL
    if notified and action is not Action.CANCEL:
        return Effect.NOTIFIED
    if wished_later:
        return Effect.WISHED_LATER
    return Effect.NOT_BEGUN if status is Status.PENDING else Effect.AT_PAYPAL
