"""When PayPal takes payments: each period reckoned from the start, in the plan's own units, trials first.

At month ends PayPal either takes the month's last day or moves to the first of the following month and stays there
(FACTS.md 1.4, Month ends): what was seen decides.  Until then a day already paid is not lost by the later of the two,
and what has to come before a payment, or after one, does so by both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, dropwhile, takewhile
from typing import Final

from portal.domain.dates.periods import Interval

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
    """What the periods are reckoned from. `clamps`: a month end was seen kept (True) or moved (False).

    `cycles` is how many regular periods a finite plan has; 0 is without end.
    """

    started_at: datetime | None
    interval: Interval | None
    trials: tuple[Trial, ...] = ()
    clamps: bool | None = None
    cycles: int = 0


@dataclass(frozen=True)
class Due:
    """A payment to come: on one of two days while PayPal's way with month ends is not seen, then on one alone.

    `begins` is when its period begins by the later way, whatever the hour at which PayPal bills.  `is_end`: no payment,
    a finite plan has run out there, and PayPal ends it by itself after the last one (FACTS.md 1.4).
    """

    early: datetime
    late: datetime
    begins: datetime
    is_end: bool = False


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
    place = _place(terms, at) if at is not None else None
    if at is None or place is None:
        return None
    kept, moved = (place.phase.slot(place.number, clamps=way).date() for way in (True, False))
    if kept == moved or at.date() > moved:
        return None
    return at.date() < moved


def anchored(terms: Terms, payments: Iterable[datetime]) -> Terms:
    """Return the rhythm as the payments made leave it: one that is off it begins another, as a resume may.

    Off is more than PayPal's new tries explain.  One on a date of the start's rhythm, or of another before, returns to
    it: a debt taken by hand moves nothing for good.
    """
    return _rhythms(terms, payments)[0]


def _rhythms(terms: Terms, payments: Iterable[datetime]) -> Sequence[Terms]:
    """Return the present rhythm, then those before it that may still come back: the latest two, and the start's."""
    known = [terms]
    for at in sorted(payments):
        fitting = next((one for one in known if _near(one, at) is not None), None)
        place = _place(known[0], at)
        if fitting is not None:
            known.remove(fitting)
            known.insert(0, fitting)
        elif place is None or (place.following is None and place.is_off(at)):
            known = [_begun(terms, at), *[one for one in known if one != terms][:2], terms]
    return known


def _begun(terms: Terms, at: datetime) -> Terms:
    return replace(terms, started_at=at, trials=())


def period_begin(terms: Terms, paid_at: datetime) -> datetime:
    """Return when the period begins that a payment pays for."""
    place = _near(terms, paid_at) or _place(terms, paid_at)
    if place is None or place.is_off(paid_at):
        return paid_at
    return place.phase.slot(place.number, terms.clamps or seen_clamping(terms, paid_at))


def period_end(terms: Terms, paid_at: datetime) -> datetime | None:
    """Return when the period ends that a payment pays for; None without a rhythm."""
    place = _near(terms, paid_at) or _place(terms, paid_at)
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
    terms: Terms, named: datetime, *, payments: Sequence[datetime] = (), is_retry: bool = False
) -> Iterator[Due]:
    """Yield the payments from the one that PayPal names on, but for those that came: the rhythm must be known.

    They go by the start, or by where a payment began a rhythm of its own; a date that fits neither begins one itself,
    unless a payment is late and PayPal tries it again.  A finite plan's are followed by its end, and by no other.
    """
    last_at = max(payments, default=None)
    anchors = [*_rhythms(terms, payments), *([_begun(terms, last_at)] if last_at is not None else [])]
    found = next(((one, place) for one in anchors if (place := _near(one, named)) is not None), None)
    late = _place(terms, named)
    if found is None and is_retry and late is not None and not late.is_off(named):
        found = terms, late
    if found is None:
        begun = _begun(terms, named)
        found = begun, _Place(_phases(begun)[0], 0, None)
    known, place = found
    told = seen_clamping(known, named)
    to_come = _going_on(
        replace(known, clamps=terms.clamps if told is None else told), place, named, _left(terms, named, payments)
    )
    return dropwhile(lambda due: not due.is_end and last_at is not None and last_at >= due.early, to_come)


def _left(terms: Terms, named: datetime, payments: Sequence[datetime]) -> int | None:
    """Return how many regular payments a finite plan has left, the named one with them; None: without end.

    Where the payments are known from the first on, they are counted: PayPal makes up for a cycle that a pause or a
    failure left out.  Else every period since the start counts as taken.
    """
    place = _near(terms, named) or _place(terms, named)
    if not terms.cycles or place is None:
        return terms.cycles or None
    taken = 0 if place.following is not None else place.number
    phases = _phases(terms)
    first = _place(terms, min(payments)) if payments else None
    if first is not None and first.phase == phases[0] and first.number == 0:
        begins = phases[-1].slot(0, clamps=True)
        taken = min(taken, sum(begins - HOURS < at <= named - HOURS for at in payments))
    return max(terms.cycles - taken, 1)


def _going_on(terms: Terms, place: _Place, named: datetime, left: int | None) -> Iterator[Due]:
    first = place.phase.slot(place.number, terms.clamps)
    hours = named - first if abs(named - first) < HOURS else timedelta(0)

    def due(phase: _Phase, number: int, *, is_end: bool = False) -> Due:
        kept, moved = phase.slot(number, clamps=True), phase.slot(number, clamps=False)
        early, late = (kept, moved) if terms.clamps is None else (phase.slot(number, terms.clamps),) * 2
        return Due(early + hours, late + hours, late, is_end)

    yield Due(named, named, first)
    phases = _phases(terms)
    at = next(index for index, phase in enumerate(phases) if phase == place.phase)
    ends = left if left is None or at < len(phases) - 1 else place.number + left
    for index, phase in enumerate(phases[at:]):
        begins_with, cycles = place.number + 1 if index == 0 else 0, phase.cycles or ends
        numbers = count(begins_with) if cycles is None else range(begins_with, cycles)
        yield from (due(phase, number) for number in numbers)
    if ends is not None:
        yield due(phases[-1], ends, is_end=True)


@dataclass(frozen=True)
class _Phase:
    """Periods of one kind in a row, trials or regular ones: so many months after the moment they are counted from.

    A phase before it may have moved by the later way with month ends: its day for good, or where this one begins.
    """

    origin: datetime
    later_origin: datetime
    before: int
    has_moved: bool
    interval: Interval
    cycles: int | None = None  # None: the regular ones go on

    def slot(self, number: int, clamps: bool | None) -> datetime:
        """Return when period `number` begins, from 0: by the later way unless month ends were seen kept."""
        if clamps:
            return self.interval.after(self.origin, number, before=self.before)
        return self.interval.moved(self.later_origin, number, before=self.before, has_moved=self.has_moved)

    def followed_by(self, interval: Interval, cycles: int | None) -> _Phase:
        """Return the phase after this one; months after months are counted from the same day."""
        ends, later = (self.slot(self.cycles or 0, clamps=way) for way in (True, False))
        if self.interval.months and interval.months:
            before = self.before + self.interval.months * (self.cycles or 0)
            has_moved = later != self.interval.after(self.later_origin, self.cycles or 0, before=self.before)
            return _Phase(self.origin, self.later_origin, before, has_moved, interval, cycles)
        return _Phase(ends, later, 0, False, interval, cycles)

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
    for place in (_place(terms, at), _place(terms, at + HOURS)):
        hours = min(HOURS, tolerance(place.phase.interval, at) / 2) if place is not None else HOURS
        if place is not None and any(abs(place.phase.slot(place.number, way) - at) < hours for way in (True, False)):
            return place
    return None


def _phases(terms: Terms) -> Sequence[_Phase]:
    """Return each kind of period, the trials first; none without a start or a rhythm."""
    if terms.started_at is None or terms.interval is None:
        return ()
    kinds = [*((one.interval, one.cycles) for one in terms.trials), (terms.interval, None)]
    phases = [_Phase(terms.started_at, terms.started_at, 0, False, *kinds[0])]
    for following, cycles in kinds[1:]:
        phases.append(phases[-1].followed_by(following, cycles))
    return phases
