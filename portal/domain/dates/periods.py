"""Intervals in a plan's own units, reckoned from a start and never from a date that was clamped or moved."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

SHORTEST_MONTH: Final = 28


class Unit(StrEnum):
    """PayPal's interval units."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"


@dataclass(frozen=True)
class Interval:
    """A billing rhythm, for example every 3 months."""

    unit: Unit
    count: int = 1

    @classmethod
    def parse(cls, unit: str | None, count: int | None) -> Interval | None:
        """Return the interval, or None when the plan's rhythm is unknown."""
        if unit not in set(Unit) or not count or count < 1:
            return None
        return cls(Unit(unit), count)

    @property
    def months(self) -> int:
        """How many months it has; 0 for one of days or weeks, which knows no month's end."""
        return {Unit.MONTH: 1, Unit.YEAR: 12}.get(self.unit, 0) * self.count

    def after(self, start: datetime, times: int = 1, *, before: int = 0) -> datetime:
        """Return `start` plus `times` intervals; months are counted from `start` and clamped to their last day.

        Counting from the start keeps the day: 31 January gives 28 February, then 31 March.  `before` is how many
        months went by until the first interval, for example of a trial.
        """
        if self.months:
            return add_months(start, before + self.months * times)
        return start + timedelta(days=self.count * times * (7 if self.unit is Unit.WEEK else 1))

    def moved(self, start: datetime, times: int = 1, *, before: int = 0, has_moved: bool = False) -> datetime:
        """Return the same by PayPal's other way with month ends: never earlier than `after`.

        Where a month lacks the day, the day moves to the first of the following month and stays there:
        31 January gives 1 March, then 1 April (FACTS.md 1.4).  `has_moved`: it did so before the first interval.
        """
        end = self.after(start, times, before=before)
        if not self.months or start.day <= SHORTEST_MONTH:
            return end
        days = {self.after(start, number, before=before).day for number in range(1, times + 1)}
        return add_months(end.replace(day=1), 1) if has_moved or not days <= {start.day} else end


def add_months(start: datetime, months: int) -> datetime:
    """Return the same day and hour `months` later, clamped to the month's last day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
