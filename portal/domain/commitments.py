"""What a commitment means for an end that waits for it (cancellation.md, rule 10)."""

from __future__ import annotations

from datetime import datetime

from portal.domain.periods import Interval


def first_payment_not_owed(*, next_payment_at: datetime, interval: Interval, committed_until: datetime) -> datetime:
    """Return the first payment that falls at or after the commitment's end: the one that a waiting end prevents.

    It is also the end of the time that will then be paid, if every payment owed until there is taken.
    """
    times = 0
    while interval.after(next_payment_at, times) < committed_until:
        times += 1
    return interval.after(next_payment_at, times)
