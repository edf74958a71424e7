"""When PayPal is told of an end that has a reason to wait (docs/decisions/0013).

A reason (commitment, notice period, a day that somebody wishes) names the moment until which payments are
owed.  PayPal can only end at once, so it is told after the last payment owed and well before the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.dates.billing import Due

LATE_AFTER: Final = timedelta(minutes=45)  # with a look every ten minutes the alarm rings within the hour
MARGIN: Final = timedelta(hours=72)  # PayPal is told at least so long before the first payment that is not owed
SETTLED: Final = timedelta(days=11)  # after a payment was due: both of PayPal's new tries, five days apart, are over
SHORT: Final = timedelta(days=14)  # a period below it has no room for both: the call is put in its middle
LONGEST_WAIT: Final = timedelta(days=730)  # a day that somebody wishes lies within two years
SEEN_EARLY: Final = timedelta(days=1)  # a payment may be taken some hours before the moment that PayPal had named


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
    due_at: datetime  # PayPal is told, at the latest
    awaited_at: datetime | None = None  # the payment that lets PayPal be told sooner, once it was seen completed
    taken: tuple[datetime, ...] = ()  # the payments that are still taken, each on the earliest day it may be
    prevented_at: datetime | None  # the first one that is not; until there it is then paid. None: PayPal takes none
    runs_out_at: datetime | None = None  # a finite plan's own end, where no payment is left that could be prevented
    safe_from: datetime | None = None  # PayPal may be told from here, whatever became of the last payment owed
    safe_until: datetime | None = None  # and until here

    @property
    def payments(self) -> int:
        """How many are still taken."""
        return len(self.taken)

    @property
    def last_payment_at(self) -> datetime | None:
        """The last payment that is still taken."""
        return self.taken[-1] if self.taken else None

    @property
    def earliest_at(self) -> datetime:
        """When PayPal may be told at the soonest: until there it can be taken back for sure.

        A finite plan is over at PayPal as soon as its last payment is made.
        """
        soonest = max(self.owed_until, self.awaited_at) if self.awaited_at is not None else self.due_at
        return min(soonest, self.taken[-1]) if self.runs_out_at is not None and self.taken else soonest

    def told_at(self, now: datetime) -> datetime:
        """Return the day on which PayPal is told if all goes well: the soonest that is still to come.

        Where a finite plan is over by itself, PayPal is told only if it is not.
        """
        ends_itself = self.runs_out_at is not None and bool(self.taken)
        return self.earliest_at if not ends_itself and now < self.earliest_at < self.due_at else self.due_at

    @property
    def paid_until(self) -> datetime | None:
        """Until when the payments that are still taken pay."""
        return self.prevented_at or self.runs_out_at

    def keeps(self, promised: datetime) -> bool:
        """Say whether a moment that was promised before is still a safe one, though PayPal's dates have moved."""
        is_early = self.safe_from is not None and promised < self.safe_from
        is_near = self.safe_until is not None and promised > self.safe_until
        return not is_early and not is_near


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What a recorded end that waits for its day was given: why it waits, and when PayPal is told."""

    reason: WaitReason
    owed_until: datetime
    due_at: datetime
    awaited_at: datetime | None


def may_be_wished(day: date, *, today: date) -> bool:
    """Say whether an end may be wished for that day: from tomorrow on, within two years."""
    return today < day <= today + LONGEST_WAIT


def latest(reasons: Mapping[WaitReason, datetime | None], *, now: datetime) -> tuple[WaitReason, datetime] | None:
    """Return the reason that reaches furthest beyond `now`, None when none does; of equals, the first given."""
    ahead = [(reason, until) for reason, until in reasons.items() if until is not None and until > now]
    return max(ahead, key=lambda pair: pair[1], default=None)


def schedule(
    reason: WaitReason, owed_until: datetime, payments: Iterator[Due], *, is_wished: bool = False
) -> Schedule | None:
    """Return when PayPal is told; None means at once: no payment is owed any more, and nobody wished for a day.

    A payment is owed when it falls before `owed_until`.  PayPal is told from there on, as soon as the last payment
    owed was seen completed or can no longer come; never nearer to the next one than `MARGIN`.  Where a payment may
    come on one of two days it is told after the later of one that is owed, and before the earlier of one that is not.
    A finite plan that runs out before prevents none; PayPal is told before its end where it has not ended it itself.
    """
    taken: list[Due] = []
    while not (prevented := next(payments)).is_end and _is_owed(prevented, reason, owed_until):
        taken.append(prevented)
    if not taken and not is_wished:
        return None
    last = taken[-1].late if taken else None
    following = next(payments, None)
    ends = last or (following.early if following is not None else prevented.early + SHORT)
    period = abs(prevented.early - ends)
    if period < SHORT:
        due, safe_from, safe_until = prevented.early - period / 2, last, prevented.early
    else:
        safe_until = prevented.early - MARGIN
        safe_from = last + SETTLED if last is not None else None
        due = min(max(owed_until, safe_from or owed_until), safe_until)
    return Schedule(
        reason=reason,
        owed_until=owed_until,
        due_at=due,
        awaited_at=taken[-1].early if taken and period >= SHORT and due > owed_until else None,
        taken=tuple(one.early for one in taken),
        prevented_at=None if prevented.is_end else prevented.late,
        runs_out_at=prevented.begins if prevented.is_end else None,
        safe_from=safe_from,
        safe_until=safe_until,
    )


def _is_owed(payment: Due, reason: WaitReason, owed_until: datetime) -> bool:
    """Say whether a payment is still taken: by its earlier day, for nobody is spared what may be owed, nor told so.

    A commitment is a number of periods: what begins when it is over is none of its own, at whatever hour PayPal bills.
    """
    return (payment.begins if reason is WaitReason.COMMITMENT else payment.early) < owed_until


def without_payments(reason: WaitReason, owed_until: datetime) -> Schedule:
    """Return the plan while PayPal takes no payment: it waits for its day, and follows payments that start again."""
    return Schedule(reason=reason, owed_until=owed_until, due_at=owed_until, prevented_at=None)


def is_completed(awaited_at: datetime, came_at: datetime | None, *, named: datetime) -> bool:
    """Say whether the payment that an end waits for was seen completed, by the last one known to have come.

    One that came at its moment or later is it, whatever a read that lags behind names.  One that came some hours
    before may be another: it is the one awaited once PayPal names a later date.
    """
    if came_at is None:
        return False
    return came_at >= awaited_at or (came_at >= awaited_at - SEEN_EARLY and named > awaited_at + SEEN_EARLY)


def first_avoidable(planned: Schedule, bound: Schedule | None) -> datetime | None:
    """Return the first payment that only the wished day leaves: `bound` is the plan without it. None: all are owed."""
    owed_anyway = bound.last_payment_at if bound is not None else None
    free = (at for at in planned.taken if owed_anyway is None or at > owed_anyway)
    return next(free, None)


def is_late(due_at: datetime | None, *, now: datetime) -> bool:
    """Say whether a planned end has missed its time: that raises the alarm (rule 10)."""
    return due_at is not None and now - due_at >= LATE_AFTER
