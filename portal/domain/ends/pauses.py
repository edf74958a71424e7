"""A request to pause or to resume: its own states, and what PayPal's word means for it (domain.md, Transitions)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from portal.domain.ends.end_requests import IllegalMove
from portal.domain.subscriptions import ENDED, ProviderStatus, Status, can_resume, status_from_provider


class PauseKind(StrEnum):
    """What is asked for: payments stop for a time, or start again."""

    PAUSE = "pause"
    RESUME = "resume"


class PauseState(StrEnum):
    """Where a request stands. *Done* rests on a read at PayPal, like the end's *confirmed*."""

    RECORDED = "recorded"
    CALLING = "calling"
    VERIFYING = "verifying"
    RETRYING = "retrying"
    NEEDS_MERCHANT = "needs_merchant"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OPEN: Final = frozenset(
    {
        PauseState.RECORDED,
        PauseState.CALLING,
        PauseState.VERIFYING,
        PauseState.RETRYING,
        PauseState.NEEDS_MERCHANT,
    }
)
# From every open state: what PayPal shows decides, whoever reads it; and an end takes a pause's place at any moment.
_ANY_TIME: Final = frozenset({PauseState.DONE, PauseState.REFUSED, PauseState.WITHDRAWN})

MOVES: Final[Mapping[PauseState, frozenset[PauseState]]] = {
    PauseState.RECORDED: frozenset({PauseState.CALLING}) | _ANY_TIME,
    PauseState.CALLING: frozenset(
        {PauseState.CALLING, PauseState.VERIFYING, PauseState.RETRYING, PauseState.NEEDS_MERCHANT}
    )
    | _ANY_TIME,
    PauseState.VERIFYING: frozenset({PauseState.CALLING}) | _ANY_TIME,
    PauseState.RETRYING: frozenset({PauseState.CALLING}) | _ANY_TIME,
    PauseState.NEEDS_MERCHANT: frozenset({PauseState.CALLING}) | _ANY_TIME,
    PauseState.DONE: frozenset(),
    PauseState.REFUSED: frozenset(),
    PauseState.WITHDRAWN: frozenset(),
}


def move(state: PauseState, to: PauseState) -> PauseState:
    """Return `to`, or raise IllegalMove when the table has no such move."""
    if to not in MOVES[state]:
        raise IllegalMove(f"{state} does not lead to {to}")
    return to


def can_withdraw(state: PauseState, *, sent_at: datetime | None) -> bool:
    """Say whether a person may take it back: only while nothing was sent, and no call is about to leave."""
    return state in OPEN and state is not PauseState.CALLING and sent_at is None


class PauseRefusal(StrEnum):
    """Why a request came to nothing."""

    OVER = "over"  # the subscription has ended
    LATE = "late"  # a payment failed: PayPal's own way is to mend the payment
    NOT_STARTED = "not_started"
    THRESHOLD = "threshold"  # PayPal does not activate after its failure threshold (FACTS.md 1.4)
    TOO_LATE = "too_late"  # the day on which it should have started again came first


class Verdict(StrEnum):
    """What a read at PayPal means for a request."""

    DONE = "done"
    CALL = "call"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # a word nobody has seen: wait and tell


def judge(
    kind: PauseKind, word: str, *, failed_payments: int, failure_threshold: int
) -> tuple[Verdict, PauseRefusal | None]:
    """Return what PayPal's word means for a request of that kind, and why if it can no longer be.

    Suspended with failed payments is *late*, not paused (FACTS.md 1.4): no pause is read into it, and no resume.
    """
    seen = status_from_provider(word, failed_payments=failed_payments)
    if seen is None:
        return Verdict.UNKNOWN, None
    if seen in ENDED:
        return Verdict.REFUSED, PauseRefusal.OVER
    if seen is Status.PENDING:
        return Verdict.REFUSED, PauseRefusal.NOT_STARTED
    if kind is PauseKind.PAUSE:
        return _judge_pause(seen)
    if word == ProviderStatus.ACTIVE:
        return Verdict.DONE, None
    possible = can_resume(seen, failed_payments=failed_payments, failure_threshold=failure_threshold)
    return (Verdict.CALL, None) if possible else (Verdict.REFUSED, PauseRefusal.THRESHOLD)


def _judge_pause(seen: Status) -> tuple[Verdict, PauseRefusal | None]:
    if seen is Status.PAUSED:
        return Verdict.DONE, None
    return (Verdict.CALL, None) if seen is Status.ACTIVE else (Verdict.REFUSED, PauseRefusal.LATE)


AT_ONCE: Final = timedelta(hours=1)  # two of PayPal's clocks may be so far apart for one event


def is_left_suspended(
    status: Status,
    word: str,
    *,
    suspended_at: datetime | None,
    last_payment_at: datetime | None,
    last_done: PauseKind | None,
) -> bool:
    """Say whether PayPal suspended it for failed payments, and still does though what was unpaid has come.

    Nobody paused it then: while PayPal suspends, no payment falls due, so one that came since is what was unpaid
    (FACTS.md 1.4).  `last_done`: the last pause or resume of ours that PayPal confirmed.
    """
    if status is not Status.PAUSED or word != ProviderStatus.SUSPENDED or last_done is PauseKind.PAUSE:
        return False
    if suspended_at is None or last_payment_at is None:
        return False
    return last_payment_at > suspended_at - AT_ONCE


# The mail that says « tomorrow »: on the day before in every zone, though the night of the clocks has 23 hours.
REMIND_BEFORE: Final = timedelta(hours=23)


def start_of_day(day: date, *, zone: str) -> datetime:
    """Return the first moment of that date in the merchant's zone: PayPal bills later in the day (FACTS.md 1.3)."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def earliest_resume(now: datetime, *, zone: str) -> datetime:
    """Return the first day that may be chosen: tomorrow there."""
    return start_of_day(now.astimezone(ZoneInfo(zone)) + timedelta(days=1), zone=zone)


def latest_resume(paused_since: datetime, *, longest_days: int, zone: str) -> datetime:
    """Return the last day that a customer may choose, by the product's longest pause."""
    return start_of_day(paused_since.astimezone(ZoneInfo(zone)) + timedelta(days=longest_days), zone=zone)
