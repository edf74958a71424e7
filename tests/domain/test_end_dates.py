"""The payment that a waiting end prevents, and when PayPal is told of it (cancellation.md, rule 10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.end_dates import WaitReason, first_avoidable, is_late, latest, schedule
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
    assert found.due_at - last >= timedelta(days=11), "PayPal has tried the last payment owed three times"
    assert prevented - found.due_at >= timedelta(days=3), "hours of retries fit before the payment that is not owed"


YEARLY = Interval(Unit.YEAR)


@pytest.mark.parametrize(
    ("interval", "owed_until", "earliest", "due"),
    [
        (YEARLY, at(7, 15, hour=0), at(7, 15, hour=0), at(7, 15, hour=0)),  # the wished day, not half a year later
        (YEARLY, at(1, 31, year=2028), at(1, 28, year=2028), at(1, 28, year=2028)),  # three days before the next one
        (MONTHLY, at(2, 2), at(2, 2), at(2, 11)),  # as soon as the payment of 31 January is seen, else eleven days on
        (MONTHLY, at(2, 20), at(2, 20), at(2, 20)),
        (MONTHLY, at(2, 27), at(2, 25), at(2, 25)),
        (Interval(Unit.DAY, 14), at(2, 1), at(2, 1), at(2, 11)),  # eleven days after one is three before the other
        (Interval(Unit.DAY, 12), at(2, 1), at(2, 6), at(2, 6)),  # no room for both: the middle
        (Interval(Unit.WEEK), at(2, 6), at(2, 3, hour=22), at(2, 3, hour=22)),
    ],
)
def test_paypal_is_told_at_the_earliest_safe_moment_on_or_after_the_wished_day(interval, owed_until, earliest, due):
    found = schedule(WISH, owed_until, next_payment_at=at(1, 31), interval=interval, is_wished=True)
    assert (found.earliest_at, found.due_at) == (earliest, due)


@pytest.mark.parametrize(
    ("wished", "due"),
    [(at(1, 15), at(1, 15)), (at(1, 30), at(1, 28)), (at(1, 31), at(1, 28))],  # never within three days of a payment
)
def test_a_wished_day_before_the_next_payment_is_waited_for_all_the_same(wished, due):
    found = schedule(WISH, wished, next_payment_at=at(1, 31), interval=MONTHLY, is_wished=True)
    assert (found.taken, found.prevented_at, found.due_at) == ((), at(1, 31), due)


def test_only_payments_that_the_wished_day_alone_leaves_can_be_avoided():
    wish = schedule(WISH, at(4, 1), next_payment_at=at(1, 31), interval=MONTHLY, is_wished=True)
    assert first_avoidable(wish, None) == at(1, 31)
    assert first_avoidable(wish, planned(at(1, 31), at(2, 5))) == at(2, 28)
    assert first_avoidable(wish, planned(at(1, 31), at(4, 1))) is None


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
