"""What may be given back of a payment, and what its unused days come to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.money.money import Money
from portal.domain.money.refunds import NoRefund, refusal, unused

PAID = datetime(2027, 1, 3, 10, tzinfo=UTC)
EUROS = Money(Decimal("29.90"), "EUR")


def part(ended_on, *, paid="29.90", left=None, currency="EUR", until=date(2027, 2, 3)):
    whole = Money(Decimal(paid), currency)
    rest = Money(Decimal(left or paid), currency)
    return str(unused(whole, rest, paid_on=date(2027, 1, 3), paid_until=until, ended_on=ended_on).amount)


@pytest.mark.parametrize(
    ("ended_on", "amount"),
    [
        (date(2027, 1, 3), "28.93"),  # 30 of 31 days: the first one is used
        (date(2027, 1, 18), "14.46"),  # 15 of 31, and half a cent is not made up
        (date(2027, 2, 1), "0.96"),
        (date(2027, 2, 2), "0.00"),  # the last paid day is used up
        (date(2027, 3, 1), "0.00"),
    ],
)
def test_unused_days_are_those_after_the_end(ended_on, amount):
    assert Decimal(part(ended_on)) == Decimal(amount)


def test_unused_days_never_come_to_more_than_is_left_or_to_coins_that_do_not_exist():
    assert part(date(2027, 1, 3), left="5.00") == "5.00"
    assert part(date(2027, 1, 18), paid="2990", currency="JPY") == "1446"
    assert Decimal(part(date(2027, 1, 3), until=date(2027, 1, 3))) == 0


@given(
    cents=st.integers(min_value=1, max_value=10**8),
    days=st.integers(min_value=1, max_value=400),
    used=st.integers(min_value=-5, max_value=500),
)
def test_a_later_end_never_gives_more_back(cents, days, used):
    paid = Money(Decimal(cents) / 100, "EUR")
    first = date(2027, 1, 1)
    sums = [
        unused(paid, paid, paid_on=first, paid_until=first + timedelta(days=days), ended_on=first + timedelta(days=day))
        for day in (used, used + 1)
    ]
    assert paid.amount >= sums[0].amount >= sums[1].amount >= 0


@pytest.mark.parametrize(
    ("left", "amount", "currency", "days", "why"),
    [
        ("29.90", "29.90", "EUR", 0, None),
        ("29.90", "0.01", "EUR", 180, None),
        ("29.90", "0.01", "EUR", 181, NoRefund.TOO_OLD),
        ("0", "1", "EUR", 1, NoRefund.NOTHING_LEFT),
        ("29.90", "29.91", "EUR", 1, NoRefund.NOT_AN_AMOUNT),
        ("29.90", "0", "EUR", 1, NoRefund.NOT_AN_AMOUNT),
        ("29.90", "1.005", "EUR", 1, NoRefund.NOT_AN_AMOUNT),
        ("2990", "10.5", "JPY", 1, NoRefund.NOT_AN_AMOUNT),
        ("2990", "10", "JPY", 1, None),
    ],
)
def test_what_cannot_be_given_back_says_why(left, amount, currency, days, why):
    found = refusal(
        Money(Decimal(left), currency), Money(Decimal(amount), currency), paid_at=PAID, now=PAID + timedelta(days=days)
    )
    assert found is why
