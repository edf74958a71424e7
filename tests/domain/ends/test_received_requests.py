"""When the merchant is told of a request that came by another way and waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.ends.received_requests import reminders, working_days_after

PARIS = "Europe/Paris"


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-11-23T10:00", 2, "2026-11-25T10:00"),  # Monday, Wednesday
        ("2026-11-26T10:00", 2, "2026-11-30T10:00"),  # Thursday, Monday
        ("2026-11-26T10:00", 5, "2026-12-03T10:00"),  # Thursday, Thursday
        ("2026-11-28T10:00", 2, "2026-12-01T10:00"),  # Saturday: Monday is the first
        ("2026-11-29T23:30", 2, "2026-12-01T23:30"),  # Monday in Paris already, so Wednesday there
        ("2026-03-27T10:00", 2, "2026-03-31T09:00"),  # the clocks go forward: eleven in Paris both times
    ],
)
def test_working_days_are_those_of_the_merchants_zone(start, days, end):
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert working_days_after(begin, days, PARIS) == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_a_payment_warns_two_days_and_one_day_before_it_and_the_next_one_again():
    since = datetime(2026, 11, 23, 10, tzinfo=UTC)
    payment = since + timedelta(hours=60)
    told = [reminders(since, payment, time_zone=PARIS, now=since + timedelta(hours=at)) for at in (0, 12, 36, 61)]
    assert [len(names) for names in told] == [1, 2, 3, 2], "the last: the second working day, the payment is past"
    later = reminders(since, payment + timedelta(days=30), time_zone=PARIS, now=payment + timedelta(days=29))
    assert not set(later) & {name for name in told[2] if name.endswith(payment.isoformat())}
