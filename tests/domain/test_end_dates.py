"""The payment that a waiting end prevents, and when PayPal is told of it (cancellation.md, rule 10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.end_dates import WaitReason, is_late, latest, schedule
from portal.domain.periods import Interval, Unit

MONTHLY = Interval(Unit.MONTH)
COMMITMENT, NOTICE, WISH = WaitReason.COMMITMENT, WaitReason.NOTICE, WaitReason.WISH


def at(month: int, day: int, year: int = 2027, hour: int = 10) -> datetime:
    return datetime(year, month, day, hour, 0, tzinfo=UTC)


def planned(next_payment, owed_until, interval=MONTHLY):
    return schedule(NOTICE, owed_until, next_payment_at=next_payment, interval=interval)


@pytest.mark.parametrize(
    ("next_payment", "owed_until", "taken", "last", "prevented"),
    [
        (at(1, 31), at(2, 1), 1, at(1, 31), at(2, 28)),
        (at(1, 31), at(3, 1), 2, at(2, 28), at(3, 31)),  # counted from the start, so that the day comes back
        (at(1, 31), at(12, 1), 11, at(11, 30), at(12, 31)),
        (at(1, 31), at(1, 31, hour=11), 1, at(1, 31), at(2, 28)),  # an hour after the payment: it is owed
    ],
)
def test_what_is_still_taken_and_the_first_payment_that_is_not(next_payment, owed_until, taken, last, prevented):
    found = planned(next_payment, owed_until)
    assert (found.payments, found.last_payment_at, found.prevented_at) == (taken, last, prevented)
    assert last < found.due_at < prevented
    assert found.due_at - last > timedelta(days=10), "a late billing run still takes the last payment owed"


@pytest.mark.parametrize("owed_until", [at(1, 15), at(1, 31)])
def test_without_a_payment_owed_paypal_is_told_at_once(owed_until):
    """A payment at the very moment until which payments are owed is not owed."""
    assert planned(at(1, 31), owed_until) is None


@pytest.mark.parametrize(
    ("reasons", "found"),
    [
        ({COMMITMENT: None, NOTICE: None, WISH: None}, None),
        ({COMMITMENT: at(1, 1), NOTICE: at(1, 9)}, None),  # past, or now
        ({COMMITMENT: at(2, 1), NOTICE: at(3, 1), WISH: at(2, 15)}, (NOTICE, at(3, 1))),
        ({COMMITMENT: at(4, 1), NOTICE: at(3, 1), WISH: at(2, 15)}, (COMMITMENT, at(4, 1))),
        ({COMMITMENT: None, NOTICE: at(1, 8), WISH: at(2, 15)}, (WISH, at(2, 15))),
    ],
)
def test_the_reason_that_reaches_furthest_counts(reasons, found):
    assert latest(reasons, now=at(1, 9)) == found


def test_a_planned_end_is_late_before_an_hour_is_over():
    due = at(5, 5)
    assert not is_late(None, now=due)
    assert not is_late(due, now=due + timedelta(minutes=44))
    assert is_late(due, now=due + timedelta(minutes=50))
