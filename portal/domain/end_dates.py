"""When PayPal is told of an end that has a reason to wait (cancellation.md, rule 10).

A reason (commitment, notice period, a date that somebody wishes) names the moment until which payments are
owed.  PayPal can only end at once, so it is told after the last payment owed and before the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.periods import Interval

LATE_AFTER: Final = timedelta(minutes=45)  # with a look every ten minutes the alarm rings within the hour


class WaitReason(StrEnum):
    """Why an end waits."""

    COMMITMENT = "commitment"
    NOTICE = "notice"
    WISH = "wish"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What follows from payments being owed until a moment; all of it is said before anybody confirms."""

    reason: WaitReason
    owed_until: datetime  # payments that fall before it are still taken
    due_at: datetime  # PayPal is told
    payments: int  # still taken, at least one
    last_payment_at: datetime  # the last one that is still taken
    prevented_at: datetime  # the first one that is not; until there it will then be paid


def latest(reasons: Mapping[WaitReason, datetime | None], *, now: datetime) -> tuple[WaitReason, datetime] | None:
    """Return the reason that reaches furthest beyond `now`, None when none does; of equals, the first given."""
    ahead = [(reason, until) for reason, until in reasons.items() if until is not None and until > now]
    return max(ahead, key=lambda pair: pair[1], default=None)


def schedule(
    reason: WaitReason, owed_until: datetime, *, next_payment_at: datetime, interval: Interval
) -> Schedule | None:
    """Return when PayPal is told; None means at once: no payment is owed any more.

    A payment is owed when it falls before `owed_until`.  PayPal bills around 10:00 UTC and may be hours late,
    so the call is put in the middle of the last owed period.
    """
    payments = 0
    while interval.after(next_payment_at, payments) < owed_until:
        payments += 1
    if payments == 0:
        return None
    last, prevented = interval.after(next_payment_at, payments - 1), interval.after(next_payment_at, payments)
    return Schedule(
        reason=reason,
        owed_until=owed_until,
        due_at=last + (prevented - last) / 2,
        payments=payments,
        last_payment_at=last,
        prevented_at=prevented,
    )


def is_late(due_at: datetime | None, *, now: datetime) -> bool:
    """Say whether a planned end has missed its time: that raises the alarm (rule 10)."""
    return due_at is not None and now - due_at >= LATE_AFTER
