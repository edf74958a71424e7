"""The payment that an end held back by a commitment prevents (cancellation.md, rule 10)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portal.domain.commitments import call_time, first_payment_not_owed
from portal.domain.periods import Interval, Unit

MONTHLY = Interval(Unit.MONTH)


def at(month: int, day: int, year: int = 2027) -> datetime:
    return datetime(year, month, day, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("next_payment", "committed", "first"),
    [
        (at(1, 31), at(1, 15), at(1, 31)),  # nothing is owed any more
        (at(1, 31), at(1, 31), at(1, 31)),  # a payment on the last day of the commitment is not owed
        (at(1, 31), at(2, 1), at(2, 28)),
        (at(1, 31), at(3, 1), at(3, 31)),  # counted from the start, so that the day comes back
        (at(1, 31), at(12, 1), at(12, 31)),
    ],
)
def test_the_first_payment_not_owed(next_payment, committed, first):
    assert first_payment_not_owed(next_payment_at=next_payment, interval=MONTHLY, committed_until=committed) == first


def test_paypal_is_told_between_the_last_payment_owed_and_that_one():
    told = call_time(next_payment_at=at(1, 31), interval=MONTHLY, committed_until=at(5, 5))
    prevented = first_payment_not_owed(next_payment_at=at(1, 31), interval=MONTHLY, committed_until=at(5, 5))
    assert told is not None
    assert at(4, 30) < told < prevented == at(5, 31)
