"""Access given by hand: never backwards, never over already, never twice at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from portal.domain.access.grants import CannotGive, GrantProblem, check, is_over

START = datetime(2027, 2, 1, tzinfo=UTC)
DAYS = range(5)


@dataclass(frozen=True)
class Given:
    since: datetime
    until: datetime | None


def at(day: int | None) -> datetime | None:
    return None if day is None else START + timedelta(days=day)


def days_of(first: int, end: int | None) -> set[int]:
    """Every day of a time, one by one; what has no end goes on far enough."""
    return set(range(first, 99 if end is None else end))


def refusal(first, end, others=(), *, today=0):
    try:
        check(at(first), at(end), [Given(at(a), at(b)) for a, b in others], now=at(today))
    except CannotGive as error:
        return error.why
    return None


def test_two_of_one_product_share_no_day_whatever_their_ends():
    ends = (*range(1, 6), None)
    for first, end, other, other_end in product(DAYS, ends, DAYS, ends):
        if end is not None and end <= first:
            continue
        shared = days_of(first, end) & days_of(other, other_end)
        expected = GrantProblem.OVERLAPS if shared else None
        assert refusal(first, end, [(other, other_end)]) is expected, (first, end, other, other_end)


@pytest.mark.parametrize(
    ("first", "end", "today", "why"),
    [
        (3, 3, 0, GrantProblem.ENDS_BEFORE_START),
        (3, 2, 0, GrantProblem.ENDS_BEFORE_START),
        (1, 3, 3, GrantProblem.OVER_ALREADY),
        (1, 4, 3, None),  # what began before is open now
        (9, None, 3, None),
    ],
)
def test_a_time_goes_forwards_and_is_not_over(first, end, today, why):
    assert refusal(first, end, today=today) is why


@pytest.mark.parametrize(
    ("first", "end", "today", "over"),
    [(0, None, 9, False), (0, 3, 2, False), (0, 3, 3, True), (5, 5, 0, True), (5, 7, 0, False)],
)
def test_what_was_withdrawn_before_it_began_is_over_too(first, end, today, over):
    assert is_over(Given(at(first), at(end)), at(today)) is over
