"""« 8 of 12 » is said where every payment is known, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portal.domain.dates.billing import Terms, Trial
from portal.domain.dates.commitments import Instalments, instalments
from portal.domain.dates.periods import Interval, Unit

START = datetime(2026, 3, 15, 9, tzinfo=UTC)
MONTH = Interval(Unit.MONTH, 1)
PLAIN = Terms(started_at=START, interval=MONTH)
AFTER_A_WEEK = Terms(started_at=START, interval=MONTH, trials=(Trial(Interval(Unit.WEEK, 1), 1, is_free=True),))


def on(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("terms", "cycles", "taken", "first", "said"),
    [
        (PLAIN, 12, 8, on(3, 15), "8/12"),
        (PLAIN, 12, 1, on(3, 20), "1/12"),  # tried again five days later
        (PLAIN, 12, 12, on(3, 15), "12/12"),
        (PLAIN, 12, 7, on(4, 15), ""),  # the first one seen is the second: what came before is unknown
        (PLAIN, 0, 8, on(3, 15), ""),  # without end
        (PLAIN, 12, 13, on(3, 15), ""),  # one too many is no count
        (PLAIN, 12, 0, None, ""),
        (AFTER_A_WEEK, 6, 2, on(3, 22), "2/6"),
        (AFTER_A_WEEK, 6, 3, on(3, 15), ""),  # one of them belongs to the trial
        (Terms(started_at=None, interval=MONTH), 12, 8, on(3, 15), ""),
        (Terms(started_at=START, interval=None), 12, 8, on(3, 15), ""),
    ],
)
def test_how_far_a_plan_has_come(terms, cycles, taken, first, said):
    found = instalments(terms, cycles, taken, first_at=first)
    assert found == (Instalments(*map(int, said.split("/"))) if said else None)
