"""Coming back: who may take a cancelled subscription up again, from when, and the states of one such attempt.

PayPal revives nothing (FACTS.md 1.4): coming back is a new subscription linked to the old one, approved by the
buyer at PayPal, and never two payments for one period (docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.errors import Denial, DomainError, NotAllowed
from portal.domain.subscriptions import Status, may_invite_back


class ComebackState(StrEnum):
    """Where an attempt to come back stands."""

    RECORDED = "recorded"  # nothing has left for PayPal
    CREATING = "creating"  # PayPal is being asked, or will be asked again
    WAITING = "waiting"  # the buyer's approval at PayPal is missing
    APPROVED = "approved"
    GIVEN_UP = "given_up"  # dropped by the customer, or PayPal's link expired
    FAILED = "failed"


class ComebackTrouble(StrEnum):
    """Why PayPal has no new subscription for it, or no longer has it."""

    NO_KEY = "no_key"
    KEY_REFUSED = "key_refused"
    PLAN_NOT_SOLD = "plan_not_sold"
    OLD_STILL_LIVE = "old_still_live"
    NOT_OFFERED = "not_offered"  # what decides changed since it was asked for
    REFUSED = "refused"
    NO_LINK = "no_link"  # PayPal's answer names no page of its own for the approval
    NO_ANSWER = "no_answer"
    EXPIRED = "expired"  # never approved, and PayPal has forgotten it or will


OPEN: Final = frozenset({ComebackState.RECORDED, ComebackState.CREATING, ComebackState.WAITING})

MOVES: Final[Mapping[ComebackState, frozenset[ComebackState]]] = {
    ComebackState.RECORDED: frozenset({ComebackState.CREATING, ComebackState.FAILED, ComebackState.APPROVED}),
    ComebackState.CREATING: frozenset(
        {ComebackState.CREATING, ComebackState.WAITING, ComebackState.FAILED, ComebackState.APPROVED}
    ),
    ComebackState.WAITING: frozenset({ComebackState.APPROVED, ComebackState.GIVEN_UP}),
    ComebackState.APPROVED: frozenset(),
    # Its link stays good at PayPal for a while: the customer may take it up again, or approve it all the same.
    ComebackState.GIVEN_UP: frozenset({ComebackState.WAITING, ComebackState.APPROVED}),
    # An answer that never came may have been a yes.
    ComebackState.FAILED: frozenset({ComebackState.APPROVED}),
}

MARGIN: Final = timedelta(minutes=15)  # PayPal refuses a start in the past; the buyer needs a moment to approve
ANSWER_WITHIN: Final = timedelta(hours=1)  # somebody waits: afterwards PayPal is not asked again for this one
APPROVE_WITHIN: Final = timedelta(days=3)  # an unapproved one vanishes at PayPal after hours or days (FACTS.md 1.4)
SHOWS_WITHIN: Final = timedelta(hours=1)  # so long a new one may be missing in PayPal's reads
FIRST_LOOK, SLOWEST_LOOK = timedelta(seconds=20), timedelta(hours=6)


class IllegalComebackMove(DomainError):
    """An attempt cannot go from one state to the other; *approved* never goes back."""


def move(state: ComebackState, to: ComebackState) -> ComebackState:
    """Return `to`, or raise IllegalComebackMove."""
    if to not in MOVES[state]:
        raise IllegalComebackMove(f"{state} does not lead to {to}")
    return to


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What decides whether a subscription may be taken up again."""

    status: Status
    relaunch_allowed: bool  # of itself, and nothing else of its customer is *abandoned*
    contact_allowed: bool
    is_sold_by_rest: bool  # by a plan that is known, and with a REST key of its environment
    is_stopped: bool  # PayPal has shown it over, or it never began there
    is_paid_time_known: bool
    has_successor: bool = False
    has_rival: bool = False  # another live subscription of the same product or plan, or another open attempt


def is_invited(standing: Standing) -> bool:
    """Say whether a page or a message may invite the customer to come back at all."""
    invited = may_invite_back(standing.status, relaunch_allowed=standing.relaunch_allowed)
    return invited and standing.contact_allowed


def check(standing: Standing) -> None:
    """Raise NotAllowed, with the reason that a page can say, unless the customer may come back."""
    if not is_invited(standing):
        raise NotAllowed(Denial.NO_COMEBACK)
    if standing.has_successor:
        raise NotAllowed(Denial.CAME_BACK)
    if standing.has_rival:
        raise NotAllowed(Denial.ALREADY_SUBSCRIBED)
    if not standing.is_sold_by_rest:
        raise NotAllowed(Denial.NOT_SOLD_HERE)
    if not standing.is_stopped:
        raise NotAllowed(Denial.STILL_STOPPING)
    if not standing.is_paid_time_known:
        raise NotAllowed(Denial.PAID_TIME_UNKNOWN)


def start_at(paid_until: datetime | None, *, now: datetime) -> datetime | None:
    """Return when the new one starts: at the end of the time that is paid, None for at once.

    Never before that end, so that no period is paid twice; and never so soon that PayPal would refuse it as past.
    """
    if paid_until is None or paid_until <= now:
        return None
    return max(paid_until, now + MARGIN)


def starts_too_early(start: datetime | None, *, paid_until: datetime | None, now: datetime) -> bool:
    """Say whether a start that was asked for lies within the time that is paid by now: a period would be paid twice."""
    return paid_until is not None and paid_until > now and (start is None or start < paid_until)


def can_be_taken_up(start: datetime | None, *, now: datetime) -> bool:
    """Say whether a dropped attempt whose link is still good is offered again instead of a second one beside it."""
    return start is None or start > now


def look_delay(waited: timedelta) -> timedelta:
    """Return the wait before the next look for the approval: 20 s, doubling, 6 h at most."""
    return min(max(FIRST_LOOK, waited), SLOWEST_LOOK)
