"""When PayPal takes payments: each period reckoned from the start, in the plan's own units, trials first.

At month ends PayPal either takes the month's last day or moves to the first of the following month and stays there
(FACTS.md 1.4, Month ends): what was seen decides.  Until then a day already paid is not lost by the later of the two,
and what has to come before a payment, or after one, does so by both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, takewhile
from typing import Final

from portal.domain.periods import Interval

RETRIES: Final = timedelta(days=11)  # a declined payment is tried again after 5 and 10 days, and may be hours late
SHORT: Final = timedelta(days=14)  # a period within which nobody can tell a retry from another rhythm
HOURS: Final = timedelta(days=1)  # PayPal bills at hours of its own, and those may lie on either side of midnight


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


@dataclass(frozen=True)
class Due:
    """A payment to come: on one of two days while PayPal's way with month ends is not seen, then on one alone.

    `begins` is when its period begins by the later way, whatever the hour at which PayPal bills.
    """

    early: datetime
    late: datetime
    begins: datetime


def term_end(terms: Terms, cycles: int) -> datetime | None:
    """Return when a plan of so many regular periods has run out; None without a start or a rhythm."""
    phases = _phases(terms)
    return phases[-1].slot(cycles, terms.clamps) if phases else None


def free_trial_end(terms: Terms) -> datetime | None:
    """Return when the free trial at the beginning ends; None where there is none."""
    free = len(list(takewhile(lambda trial: trial.is_free, terms.trials)))
    phases = _phases(terms)
    return phases[free].slot(0, terms.clamps) if free and phases else None


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


def anchored(terms: Terms, payments: Iterable[datetime]) -> Terms:
    """Return the rhythm as the payments made leave it: one that is off it begins another, as a resume may.

    Off is more than PayPal's new tries explain.  What comes after is reckoned from there, and no later one moves it.
    """
    for at in sorted(payments):
        place = _place(terms, at)
        if place is None or (place.following is None and place.is_off(at)):
            terms = replace(terms, started_at=at, trials=())
    return terms


def period_begin(terms: Terms, paid_at: datetime) -> datetime:
    """Return when the period begins that a payment pays for."""
    place = _place(terms, paid_at)
    if place is None or place.is_off(paid_at):
        return paid_at
    return place.phase.slot(place.number, terms.clamps or seen_clamping(terms, paid_at))


def period_end(terms: Terms, paid_at: datetime) -> datetime | None:
    """Return when the period ends that a payment pays for; None without a rhythm."""
    place = _place(terms, paid_at)
    if place is None:
        return terms.interval.moved(paid_at, 1) if terms.interval is not None else None
    if place.is_off(paid_at):
        return place.phase.interval.moved(paid_at, 1)
    end = place.phase.slot(place.number + 1, terms.clamps or seen_clamping(terms, paid_at))
    return end if place.following is None else min(end, place.following.slot(0, clamps=False))


def tolerance(interval: Interval, at: datetime) -> timedelta:
    """Return how far a payment may be off its date; in a short period a retry cannot be told from another rhythm."""
    period = interval.after(at) - at
    return RETRIES if period >= SHORT else period / 7


def payments_from(
    terms: Terms, named: datetime, *, last_at: datetime | None = None, is_retry: bool = False
) -> Iterator[Due]:
    """Yield the payments from the one that PayPal names on: the rhythm must be known.

    They go by the start, or by the last payment where that began a rhythm of its own; a date that fits neither begins
    one itself, unless a payment is late and PayPal tries it again.
    """
    assert terms.interval is not None  # noqa: S101 - the caller asked
    anchors = [terms, *([replace(terms, started_at=last_at, trials=())] if last_at is not None else [])]
    found = next(((one, place) for one in anchors if (place := _near(one, named)) is not None), None)
    late = _place(terms, named)
    if found is None and is_retry and late is not None and not late.is_off(named):
        found = terms, late
    if found is None:
        begun = replace(terms, started_at=named, trials=())
        found = begun, _Place(_phases(begun)[0], 0, None)
    known, place = found
    told = seen_clamping(known, named)
    return _going_on(replace(known, clamps=terms.clamps if told is None else told), place, named)


def _going_on(terms: Terms, place: _Place, named: datetime) -> Iterator[Due]:
    first = place.phase.slot(place.number, terms.clamps)
    hours = named - first if abs(named - first) < HOURS else timedelta(0)
    yield Due(named, named, first)
    phases = _phases(terms)
    at = next(index for index, phase in enumerate(phases) if phase == place.phase)
    for index, phase in enumerate(phases[at:]):
        begins_with = place.number + 1 if index == 0 else 0
        for number in count(begins_with) if phase.cycles is None else range(begins_with, phase.cycles):
            kept, moved = phase.slot(number, clamps=True), phase.slot(number, clamps=False)
            early, late = (kept, moved) if terms.clamps is None else (phase.slot(number, terms.clamps),) * 2
            yield Due(early + hours, late + hours, late)


@dataclass(frozen=True)
class _Phase:
    """Periods of one kind in a row, trials or regular ones: so many months after the moment they are counted from."""

    origin: datetime
    before: int
    interval: Interval
    cycles: int | None = None  # None: the regular ones go on

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


@dataclass(frozen=True)
class _Place:
    """Which period of which kind a moment falls into, and what kind comes after it."""

    phase: _Phase
    number: int
    following: _Phase | None

    def is_off(self, at: datetime) -> bool:
        """Say whether a payment is further behind the period's date than PayPal's new tries explain."""
        return at > self.phase.slot(self.number, clamps=False) + tolerance(self.phase.interval, at)


def _place(terms: Terms, at: datetime) -> _Place | None:
    phases = _phases(terms)
    if not phases:
        return None
    begun = [place for place, phase in enumerate(phases) if phase.slot(0, clamps=True).date() <= at.date()]
    place = begun[-1] if begun else 0
    return _Place(phases[place], phases[place].number(at), phases[place + 1] if place + 1 < len(phases) else None)


def _near(terms: Terms, at: datetime) -> _Place | None:
    """Return the period whose date a moment is by either way with month ends, but for the hour; None: it is none."""
    for moment in (at, at + HOURS):
        place = _place(terms, moment)
        ways = (True, False) if place is not None else ()
        if place is not None and any(abs(place.phase.slot(place.number, way) - at) < HOURS for way in ways):
            return place
    return None


def _phases(terms: Terms) -> Sequence[_Phase]:
    """Return each kind of period, the trials first; none without a start or a rhythm."""
    if terms.started_at is None or terms.interval is None:
        return ()
    kinds = [*((one.interval, one.cycles) for one in terms.trials), (terms.interval, None)]
    phases = [_Phase(terms.started_at, 0, *kinds[0])]
    for following, cycles in kinds[1:]:
        last = phases[-1]
        if last.interval.months and following.months:  # counted from the same day
            origin, before = last.origin, last.before + last.interval.months * (last.cycles or 0)
        else:
            origin, before = last.slot(last.cycles or 0, clamps=False), 0
        phases.append(_Phase(origin, before, following, cycles))
    return phases
