"""Tacit renewal of a fixed term: when, until when it can be refused, and when to say so (law.md R-FR-20..25).

The clock runs to the last day on which the renewal can be refused, not to the renewal: the reminder is sent no earlier
than three months and no later than one month before that day.  Days are the merchant's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN
from enum import StrEnum
from itertools import count
from typing import Final

from portal.domain.dates.periods import add_months
from portal.domain.money.money import Money

EARLIEST, LATEST = 3, 1  # months before the last day to refuse
MARGIN: Final = timedelta(
    days=3
)  # after the window opens: sure to be in it, and weeks are left for one that comes back
REFUND_WITHIN: Final = timedelta(days=30)  # after an end that is free of charge (R-FR-23)
DAY: Final = timedelta(days=1)


class ReminderState(StrEnum):
    """Where the reminder of one renewal stands."""

    WAITING = "waiting"  # promised to the outbox
    SENT = "sent"  # the mail server has taken it
    FAILED = "failed"  # refused, come back, or nobody knows an address: a letter is left
    LETTER = "letter"  # staff have sent one, on the day that they entered
    MISSED = "missed"  # its window has passed without one
    START_UNKNOWN = "start_unknown"  # of a contract whose beginning nobody knows: asked, not guessed


@dataclass(frozen=True, kw_only=True)
class Renewing:
    """How a fixed term renews itself: so many months each, with so many days of notice, one at least."""

    months: int
    notice_days: int


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """One renewal: `number` counts from 1, at the end of the first term. All days belong to their span."""

    number: int
    begins_on: date  # the term that it follows
    renews_on: date  # the first day of the next term
    deadline_on: date  # the last day on which it can be refused
    opens_on: date  # the reminder may be sent from here
    closes_on: date  # to here

    @property
    def send_on(self) -> date:
        """When the reminder is sent: early in its window."""
        return min(self.opens_on + MARGIN, self.closes_on)

    def holds(self, day: date) -> bool:
        """Say whether a reminder of that day was in time."""
        return self.opens_on <= day <= self.closes_on


def renewal(start: date, terms: Renewing, number: int) -> Renewal:
    """Return the renewal at the end of term `number`; months are counted from the start, as payments' are.

    Where a month lacks the day, three months before is taken by the later way and one month before by the earlier:
    what is sent between is in time however one counts.
    """
    renews = _later(start, terms.months * number)
    deadline = renews - timedelta(days=terms.notice_days)
    opens = _later(deadline, -EARLIEST)
    if _later(opens, EARLIEST) < deadline:
        opens += DAY
    return Renewal(
        number=number,
        begins_on=_later(start, terms.months * (number - 1)),
        renews_on=renews,
        deadline_on=deadline,
        opens_on=opens,
        closes_on=_later(deadline, -LATEST),
    )


def is_reachable(terms: Renewing) -> bool:
    """Say whether the first term always leaves time for its reminder: with the margin, from whatever day it begins."""
    starts = (date(2027, 1, 1) + timedelta(days=number) for number in range(366))
    return all(one.begins_on + MARGIN <= one.closes_on for one in (renewal(start, terms, 1) for start in starts))


def current(start: date, terms: Renewing, today: date) -> Renewal | None:
    """Return the renewal by which the present term began; None within the first term."""
    past = None
    for one in _from(start, terms, _number(start, terms, today)):
        if one.renews_on > today:
            return past
        past = one
    raise AssertionError("renewals have no end")


def upcoming(start: date, terms: Renewing, today: date) -> Renewal:
    """Return the next renewal."""
    return next(one for one in _from(start, terms, _number(start, terms, today)) if one.renews_on > today)


def to_remind(start: date, terms: Renewing, today: date) -> tuple[Renewal, ...]:
    """Return the renewals of which a reminder was due by now: that of the present term, and those to come.

    In a short term the windows of several are open at once.
    """
    present = current(start, terms, today)
    first = present.number if present is not None else 1
    found: list[Renewal] = []
    for one in _from(start, terms, first):
        if one.send_on > today and one.renews_on > today:
            return tuple(found)
        found.append(one)
    raise AssertionError("renewals have no end")


def _from(start: date, terms: Renewing, number: int) -> Iterator[Renewal]:
    return (renewal(start, terms, one) for one in count(max(number, 1)))


def _number(start: date, terms: Renewing, today: date) -> int:
    """Return a number of a renewal that is over by now, or 1: near the present one."""
    months = (today.year - start.year) * 12 + today.month - start.month
    return max(months // terms.months - 1, 1)


def is_proved(one: Renewal, state: ReminderState, *, sent_on: date | None, letter_on: date | None) -> bool:
    """Say whether it is proved that the customer was told in time: by a mail that did not come back, or a letter."""
    if state is ReminderState.SENT:
        return sent_on is not None and one.holds(sent_on)
    return state is ReminderState.LETTER and letter_on is not None and one.holds(letter_on)


def advance(paid: Money, left: Money, *, paid_on: date, paid_until: date, ended_on: date) -> Money:
    """Return what goes back of a payment made for a term that was ended free of charge: its days after the end.

    What was performed is reckoned by the day, that of the end with it, and rounded down: cents are the consumer's.
    Never more than is left of the payment.
    """
    whole = (paid_until - paid_on).days
    used = (ended_on - paid_on).days + 1
    if whole <= 0 or used >= whole:
        return Money(left.amount * 0, left.currency)
    performed = (paid.amount * max(used, 0) / whole).quantize(paid.smallest, rounding=ROUND_DOWN)
    return Money(min(paid.amount - performed, left.amount), left.currency)


def _later(day: date, months: int) -> date:
    return add_months(datetime.combine(day, time()), months).date()
