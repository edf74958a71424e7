"""Calendar arithmetic, and when to tell PayPal of a later end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.dates.billing import Terms, payments_from
from portal.domain.dates.end_dates import WaitReason, schedule
from portal.domain.dates.periods import Interval, Unit, add_months

MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2090, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
INTERVALS = st.builds(Interval, st.sampled_from(Unit), st.integers(1, 12))
TICK = timedelta(microseconds=1)


def at(text: str) -> datetime:
    """Read "2026-01-31 10:00" as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# start, every, how many times → end. Counted from the start each time, so that the day comes back.
CALENDAR = """
2026-01-31  1 MONTH  1  2026-02-28
2026-01-31  1 MONTH  2  2026-03-31
2026-01-31  1 MONTH  3  2026-04-30
2026-01-31  1 MONTH  12 2027-01-31
2026-01-31  1 MONTH  13 2027-02-28
2028-01-31  1 MONTH  1  2028-02-29
2028-01-30  1 MONTH  1  2028-02-29
2028-01-30  1 MONTH  2  2028-03-30
2027-12-31  2 MONTH  1  2028-02-29
2026-11-30  3 MONTH  1  2027-02-28
2026-08-31  6 MONTH  1  2027-02-28
2026-12-15  1 MONTH  1  2027-01-15
2028-02-29  1 MONTH  1  2028-03-29
2028-02-29  1 YEAR   1  2029-02-28
2028-02-29  1 YEAR   3  2031-02-28
2028-02-29  1 YEAR   4  2032-02-29
2096-02-29  4 YEAR   1  2100-02-28
2026-02-28  2 YEAR   1  2028-02-28
2026-12-28  1 WEEK   1  2027-01-04
2028-02-26  1 WEEK   1  2028-03-04
2026-12-30  3 DAY    1  2027-01-02
2026-01-31  1 MONTH  0  2026-01-31
"""


@pytest.mark.parametrize("line", CALENDAR.strip().splitlines())
def test_the_calendar(line):
    start, count, unit, times, end = line.split()
    interval = Interval(Unit(unit), int(count))
    assert interval.after(at(f"{start} 10:00"), int(times)) == at(f"{end} 10:00")


@given(start=MOMENTS, months=st.integers(0, 120))
def test_a_month_later_is_the_same_day_or_the_months_last(start, months):
    end = add_months(start, months)
    assert (end.year - start.year) * 12 + end.month - start.month == months
    assert end.timetz() == start.timetz()
    is_last_day = (end + timedelta(days=1)).day == 1
    assert end.day == start.day or (end.day < start.day and is_last_day)


@given(start=MOMENTS, interval=INTERVALS, times=st.integers(0, 40))
def test_each_period_is_later_than_the_one_before(start, interval, times):
    assert interval.after(start, times) < interval.after(start, times + 1)
    assert interval.after(start, 0) == start


@given(start=MOMENTS, count=st.integers(1, 50), times=st.integers(0, 50))
def test_days_and_weeks_are_exact(start, count, times):
    assert Interval(Unit.DAY, count).after(start, times) - start == timedelta(hours=24 * count * times)
    assert Interval(Unit.WEEK, count).after(start, times) == Interval(Unit.DAY, 7 * count).after(start, times)


@given(start=MOMENTS, count=st.integers(1, 5), times=st.integers(0, 5))
def test_a_year_is_twelve_months(start, count, times):
    assert Interval(Unit.YEAR, count).after(start, times) == Interval(Unit.MONTH, 12 * count).after(start, times)


@pytest.mark.parametrize(
    ("unit", "count", "interval"),
    [
        ("MONTH", 1, Interval(Unit.MONTH, 1)),
        ("WEEK", 52, Interval(Unit.WEEK, 52)),
        ("MONTH", 0, None),
        ("MONTH", -1, None),
        ("MONTH", None, None),
        (None, 1, None),
        ("", 1, None),
        ("month", 1, None),
        ("SEMI_MONTH", 1, None),
    ],
)
def test_a_rhythm_is_known_or_unknown(unit, count, interval):
    assert Interval.parse(unit, count) == interval


# Call times. "owed" is what a customer in a commitment still has to pay: what falls due before its end.
COMMITMENTS = """
2026-12-03 10:00  1 MONTH  2027-03-01 00:00  after 2027-02-03 10:00  before 2027-03-03 10:00
2026-12-03 10:00  1 MONTH  2026-12-03 10:00  at once
2026-12-03 10:00  1 MONTH  2026-11-30 00:00  at once
2026-12-03 10:00  1 MONTH  2026-12-03 10:01  after 2026-12-03 10:00  before 2027-01-03 10:00
2026-12-03 10:00  1 MONTH  2027-01-03 10:00  after 2026-12-03 10:00  before 2027-01-03 10:00
2027-01-31 10:00  1 MONTH  2027-02-28 10:00  after 2027-01-31 10:00  before 2027-02-28 10:00
2027-01-31 10:00  1 MONTH  2027-03-15 00:00  after 2027-02-28 10:00  before 2027-03-31 10:00
2026-12-03 10:00  1 DAY    2026-12-05 00:00  after 2026-12-04 10:00  before 2026-12-05 10:00
2026-12-03 10:00  1 YEAR   2027-06-01 00:00  after 2026-12-03 10:00  before 2027-12-03 10:00
"""


def call_time(*, next_payment_at: datetime, interval: Interval, committed_until: datetime) -> datetime | None:
    """When PayPal is told of an end that waits for a commitment."""
    terms = Terms(started_at=next_payment_at, interval=interval, clamps=True)
    found = schedule(WaitReason.COMMITMENT, committed_until, payments_from(terms, next_payment_at))
    return found.due_at if found is not None else None


@pytest.mark.parametrize("line", COMMITMENTS.strip().splitlines())
def test_paypal_is_told_between_the_last_payment_owed_and_the_next(line):
    day, hour, count, unit, end_day, end_hour, *expected = line.split()
    told = call_time(
        next_payment_at=at(f"{day} {hour}"),
        interval=Interval(Unit(unit), int(count)),
        committed_until=at(f"{end_day} {end_hour}"),
    )
    if expected == ["at", "once"]:
        assert told is None
    else:
        _, after_day, after_hour, _, before_day, before_hour = expected
        assert at(f"{after_day} {after_hour}") < told < at(f"{before_day} {before_hour}")


def payments(first: datetime, interval: Interval, committed_until: datetime) -> tuple[list[datetime], datetime]:
    """Return the payments that fall due before the commitment ends, and the first that does not."""
    owed, due = [], first
    while due < committed_until:
        owed.append(due)
        due = interval.after(first, len(owed))
    return owed, due


@given(first=MOMENTS, interval=INTERVALS, ahead=st.timedeltas(timedelta(days=-200), timedelta(days=400)))
def test_every_payment_owed_is_before_the_call_and_every_other_after(first, interval, ahead):
    owed, next_due = payments(first, interval, first + ahead)
    told = call_time(next_payment_at=first, interval=interval, committed_until=first + ahead)
    assert (told is None) is (not owed)
    if told is not None:
        assert owed[-1] < told < next_due


@given(first=MOMENTS, interval=INTERVALS, ahead=st.timedeltas(TICK, timedelta(days=400)))
def test_paypal_may_be_half_a_day_late_or_early_on_either_side(first, interval, ahead):
    owed, next_due = payments(first, interval, first + ahead)
    told = call_time(next_payment_at=first, interval=interval, committed_until=first + ahead)
    assert told - owed[-1] >= timedelta(hours=12)
    assert next_due - told >= timedelta(hours=12)
