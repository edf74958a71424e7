"""Until when a subscription is paid: by completed payments and the start, never by PayPal's next date alone.

Every period is reckoned from the start, in the plan's own units.  At month ends PayPal either takes the month's last
day or moves to the first of the following month and stays there (FACTS.md 1.4, Month ends): what was seen decides, and
until then the later of the two holds, so that no paid day is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise, takewhile
from typing import Final

from portal.domain.periods import Interval

FIRST_HOUR: Final = timedelta(hours=1)  # so long after the sign-up PayPal may still show it as the next payment
RETRIES: Final = timedelta(days=11)  # a declined payment is tried again after 5 and 10 days, and may be hours late
SHORT: Final = timedelta(days=14)  # a period within which nobody can tell a retry from another rhythm


@dataclass(frozen=True)
class Trial:
    """A trial that comes before the regular periods, so many times; one without a price is free."""

    interval: Interval
    cycles: int
    is_free: bool


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the periods are reckoned from. `clamps`: a month end was seen kept (True) or moved (False)."""

    started_at: datetime | None
    interval: Interval | None
    trials: tuple[Trial, ...] = ()
    clamps: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Money:
    """What was seen of the payments: the last one of each kind, and whether PayPal was asked for all of them."""

    completed_at: datetime | None = None
    declined_at: datetime | None = None
    pending_at: datetime | None = None
    failures: int = 0
    is_all: bool = False  # a read since the start showed every payment

    @property
    def is_late(self) -> bool:
        """Whether a payment that was due did not come: PayPal may count it only after its last try (FACTS.md 1.4)."""
        return self.failures > 0 or _after(self.declined_at, self.completed_at)

    @property
    def is_pending(self) -> bool:
        """Whether one is on its way: what it pays for is unknown until it clears."""
        return _after(self.pending_at, self.completed_at)


class PaidSource(StrEnum):
    """How we know until when it is paid."""

    NEXT_BILLING = "next_billing"
    LAST_PAYMENT = "last_payment"
    TRIAL = "trial"
    NOTHING = "nothing"  # no completed payment: paid until the start, which is no time at all
    STORED = "stored"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PaidUntil:
    """The end of the time already paid; `at` is None only when the source is UNKNOWN."""

    at: datetime | None
    source: PaidSource


UNKNOWN: Final = PaidUntil(None, PaidSource.UNKNOWN)


def paid_until(
    terms: Terms,
    money: Money,
    *,
    next_billing_at: datetime | None,
    in_trial: bool = False,
    stored: datetime | None = None,
    now: datetime,
) -> PaidUntil:
    """Return the end of the paid time, from the surest source there is.

    `next_billing_at` must come from a read made before the cancel call: PayPal drops it afterwards.
    """
    if money.is_pending:
        return UNKNOWN
    named = None if money.is_late else next_billing_at
    if money.completed_at is not None:
        return _by_payment(terms, money.completed_at, named, stored) or _kept(stored)
    begun, trial = terms.started_at, _free_trial_end(terms)
    if begun is not None and (trial is not None or in_trial):
        return _by_trial(begun, trial, named, stored)
    if begun is not None and (money.declined_at or money.failures or (money.is_all and now >= begun + FIRST_HOUR)):
        return PaidUntil(begun, PaidSource.NOTHING)
    return _kept(stored)


def is_sign_up(next_billing_at: datetime | None, started_at: datetime | None) -> bool:
    """Say whether PayPal still shows the sign-up for the next payment; it mends that within the hour (FACTS.md 1.3)."""
    return next_billing_at is not None and started_at is not None and next_billing_at < started_at + FIRST_HOUR


def nothing_is_paid(started_at: datetime | None, paid_until: datetime | None) -> bool:
    """Say whether it is known that no payment was ever completed: paid until the start is no time at all."""
    return started_at is not None and paid_until is not None and paid_until <= started_at


def term_end(terms: Terms, cycles: int) -> datetime | None:
    """Return when a plan of so many regular periods has run out; None without a start or a rhythm."""
    phases = _phases(terms)
    return phases[-1].slot(cycles, terms.clamps) if phases else None


def seen_clamping(terms: Terms, at: datetime | None) -> bool | None:
    """Say what a payment, made or announced, tells of the month ends: kept, moved, or (None) nothing."""
    phases = _phases(terms)
    if at is None or not phases or at.date() < phases[-1].slot(0, clamps=True).date():
        return None
    number = phases[-1].number(at)
    kept, moved = phases[-1].slot(number, clamps=True).date(), phases[-1].slot(number, clamps=False).date()
    if kept == moved or at.date() > moved:
        return None
    return at.date() < moved


def _by_payment(terms: Terms, paid_at: datetime, named: datetime | None, stored: datetime | None) -> PaidUntil | None:
    """Take PayPal's date where it ends the payment's own period; a later one is the end of a period nobody paid.

    Then the date that PayPal named before stands, to the hour, where it is the one that is reckoned.
    """
    if terms.interval is None:
        return PaidUntil(named, PaidSource.NEXT_BILLING) if named is not None and named > paid_at else None
    end = _period_end(terms, terms.interval, paid_at)
    if named is not None and paid_at < named <= end + _tolerance(terms.interval, paid_at):
        return PaidUntil(named, PaidSource.NEXT_BILLING)
    if stored is not None and abs(stored - end) < timedelta(hours=12):
        return PaidUntil(stored, PaidSource.STORED)
    return PaidUntil(end, PaidSource.LAST_PAYMENT)


def _by_trial(begun: datetime, trial: datetime | None, named: datetime | None, stored: datetime | None) -> PaidUntil:
    is_trustworthy = named is not None and not is_sign_up(named, begun)
    if is_trustworthy and (trial is None or (named is not None and named <= trial + RETRIES)):
        return PaidUntil(named, PaidSource.NEXT_BILLING)
    if trial is not None:
        return PaidUntil(trial, PaidSource.TRIAL)
    return UNKNOWN if is_sign_up(stored, begun) else _kept(stored)


def _kept(stored: datetime | None) -> PaidUntil:
    return PaidUntil(stored, PaidSource.STORED) if stored is not None else UNKNOWN


@dataclass(frozen=True)
class _Phase:
    """Periods of one kind in a row, trials or regular ones: so many months after the moment they are counted from."""

    origin: datetime
    before: int
    interval: Interval

    def slot(self, number: int, clamps: bool | None) -> datetime:
        """Return when period `number` begins, from 0: by the later way unless month ends were seen kept."""
        reckon = self.interval.after if clamps else self.interval.moved
        return reckon(self.origin, number, before=self.before)

    def number(self, at: datetime) -> int:
        """Return which period a payment falls into, by its day: PayPal bills at hours of its own."""
        low, high = 0, 1
        while self.slot(high, clamps=True).date() <= at.date():
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.slot(middle, clamps=True).date() <= at.date() else (low, middle)
        return low


def _phases(terms: Terms) -> Sequence[_Phase]:
    """Return each kind of period, the trials first; none without a start or a rhythm."""
    if terms.started_at is None or terms.interval is None:
        return ()
    kinds = [*terms.trials, Trial(terms.interval, 0, is_free=False)]
    phases = [_Phase(terms.started_at, 0, kinds[0].interval)]
    for kind, following in pairwise(kinds):
        last = phases[-1]
        if kind.interval.months and following.interval.months:  # counted from the same day
            begins = _Phase(last.origin, last.before + kind.interval.months * kind.cycles, following.interval)
        else:
            begins = _Phase(last.slot(kind.cycles, clamps=False), 0, following.interval)
        phases.append(begins)
    return phases


def _free_trial_end(terms: Terms) -> datetime | None:
    """Return when the free trial at the beginning ends; None where there is none."""
    free = len(list(takewhile(lambda trial: trial.is_free, terms.trials)))
    phases = _phases(terms)
    return phases[free].slot(0, terms.clamps) if free and phases else None


def _period_end(terms: Terms, interval: Interval, paid_at: datetime) -> datetime:
    """Return the end of the period that a payment pays for.

    A payment off the rhythm by more than its retries starts a rhythm of its own: that is what a resume may do.
    """
    phases = _phases(terms)
    if not phases:
        return interval.moved(paid_at, 1)
    begun = [place for place, phase in enumerate(phases) if phase.slot(0, clamps=True).date() <= paid_at.date()]
    place = begun[-1] if begun else 0
    phase, is_last = phases[place], place == len(phases) - 1
    number = phase.number(paid_at)
    if paid_at > phase.slot(number, clamps=False) + _tolerance(phase.interval, paid_at):
        return phase.interval.moved(paid_at, 1)
    end = phase.slot(number + 1, terms.clamps or seen_clamping(terms, paid_at))
    return end if is_last else min(end, phases[place + 1].slot(0, clamps=False))


def _tolerance(interval: Interval, at: datetime) -> timedelta:
    """Return how far a payment may be off its date; in a short period a retry cannot be told from another rhythm."""
    period = interval.after(at) - at
    return RETRIES if period >= SHORT else period / 7


def _after(at: datetime | None, other: datetime | None) -> bool:
    return at is not None and (other is None or at > other)
