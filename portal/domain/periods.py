"""Time that is paid: intervals in the plan's own units, and until when a subscription is paid (domain.md)."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


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

    def after(self, start: datetime, times: int = 1) -> datetime:
        """Return `start` plus `times` intervals; months are counted from `start` and clamped to their last day.

        Counting from the start keeps the day: 31 January gives 28 February, then 31 March.
        """
        steps = self.count * times
        match self.unit:
            case Unit.DAY:
                return start + timedelta(days=steps)
            case Unit.WEEK:
                return start + timedelta(weeks=steps)
            case Unit.MONTH:
                return add_months(start, steps)
            case Unit.YEAR:
                return add_months(start, 12 * steps)


def add_months(start: datetime, months: int) -> datetime:
    """Return the same day and hour `months` later, clamped to the month's last day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)


class PaidSource(StrEnum):
    """How we know until when it is paid."""

    NEXT_BILLING = "next_billing"
    LAST_PAYMENT = "last_payment"
    STORED = "stored"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PaidUntil:
    """The end of the time already paid; `at` is None only when the source is UNKNOWN."""

    at: datetime | None
    source: PaidSource


def paid_until(
    *,
    next_billing_at: datetime | None,
    last_payment_at: datetime | None,
    interval: Interval | None,
    stored: datetime | None,
) -> PaidUntil:
    """Return the end of the paid time, from the surest source there is (domain.md, `paid_until`).

    `next_billing_at` must come from a read made before the cancel call: PayPal drops it afterwards.
    """
    if next_billing_at is not None:
        return PaidUntil(next_billing_at, PaidSource.NEXT_BILLING)
    if last_payment_at is not None and interval is not None:
        return PaidUntil(interval.after(last_payment_at), PaidSource.LAST_PAYMENT)
    if stored is not None:
        return PaidUntil(stored, PaidSource.STORED)
    return PaidUntil(None, PaidSource.UNKNOWN)
