"""The figures of the desk's home: what each counts, and of which days.

They are counted in the database, from the rows alone (migration 0068): what a row counts for changes with the row,
never with the time.  What a subscription is worth a month: its price times its quantity, as PayPal shows it, so with
the taxes that are in the price; a year for a twelfth, a week for 52 twelfths, a day for 365 twelfths.  It is worth that
from its first payment on: a free trial, and a plan that costs nothing, are worth nothing.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from portal.domain.subscriptions import Status


class Figure(StrEnum):
    """What is counted, by the word that stands in the database."""

    STATE = "state"  # subscriptions of each status, as they stand at a day's end
    REVENUE = "revenue"  # what is paid a month, of each currency, as it stands at a day's end
    STARTED = "started"  # those that began on a day
    ENDED = "ended"  # those that ended on a day, of each kind of end
    REASON = "reason"  # those that ended on a day, by the reason that was given


STANDING: Final = frozenset({Figure.STATE, Figure.REVENUE})  # stand as they are until they change; others happen once
RUNNING: Final = (Status.ACTIVE, Status.PAST_DUE, Status.PAUSED)  # begun, not ended: what « live » means
CHARGED: Final = (Status.ACTIVE, Status.PAST_DUE)  # PayPal goes on taking payments of them

WINDOW: Final = timedelta(days=30)  # today and the 29 days before
MONTHS: Final = 12


def today(time_zone: str, now: datetime) -> date:
    """Return the day on the merchant's calendar."""
    return now.astimezone(ZoneInfo(time_zone)).date()


def window(day: date) -> tuple[date, date]:
    """Return the first and the last of the thirty days that end with this one."""
    return day - WINDOW + timedelta(days=1), day


def month_ends(day: date, months: int = MONTHS) -> tuple[date, ...]:
    """Return the last days of the months before this one, the oldest first, and the day itself."""
    ends = [day]
    for _month in range(months):
        ends.append(ends[-1].replace(day=1) - timedelta(days=1))
    return tuple(reversed(ends))
