"""What a commitment means for an end that waits for it (cancellation.md, rule 10)."""

from __future__ import annotations

from datetime import datetime

from portal.domain.periods import Interval


def call_time(*, next_payment_at: datetime, interval: Interval, committed_until: datetime) -> datetime | None:
    """Return when to tell PayPal of an end at the commitment's end: after the last payment owed, before the next.

    None means at once: no payment is owed any more.  A payment is owed when it falls before
    `committed_until`.  PayPal bills around 10:00 UTC and may be hours late, so the call is put in the
    middle of the last owed period.
    """
    times = _payments_owed(next_payment_at, interval, committed_until)
    if times == 0:
        return None
    last_owed = interval.after(next_payment_at, times - 1)
    return last_owed + (interval.after(next_payment_at, times) - last_owed) / 2


def first_payment_not_owed(*, next_payment_at: datetime, interval: Interval, committed_until: datetime) -> datetime:
    """Return the first payment that falls at or after the commitment's end: the one that a waiting end prevents.

    It is also the end of the time that will then be paid, if every payment owed until there is taken.
    """
    return interval.after(next_payment_at, _payments_owed(next_payment_at, interval, committed_until))


def _payments_owed(next_payment_at: datetime, interval: Interval, committed_until: datetime) -> int:
    times = 0
    while interval.after(next_payment_at, times) < committed_until:
        times += 1
    return times
