"""A change of address that the customer made, and that their former address may hold: nothing goes back by itself.

Whoever reads the former mailbox may be the customer whose account was taken over, or a stranger who has the mailbox by
now.  Only staff can tell: a hold stops further changes and ends what is open, and they decide.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

WINDOW: Final = timedelta(days=7)  # of the former address, from the change on


class HoldOutcome(StrEnum):
    """What staff decided."""

    KEPT = "kept"  # the address stays as it is
    RESTORED = "restored"  # the former one is the customer's again
    REPLACED = "replaced"  # another hold of the same customer was decided


class HoldState(StrEnum):
    """Where a change stands."""

    OPEN = "open"  # the former address may hold it
    HELD = "held"  # it did, and staff have to decide
    DECIDED = "decided"
    OVER = "over"  # nobody held it in time


def state_of(
    *, held_at: datetime | None, outcome: HoldOutcome | None, expires_at: datetime, now: datetime
) -> HoldState:
    """Return where it stands; what is held waits for as long as staff need."""
    if outcome is not None:
        return HoldState.DECIDED
    if held_at is not None:
        return HoldState.HELD
    return HoldState.OPEN if now < expires_at else HoldState.OVER
