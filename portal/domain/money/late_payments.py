"""Money after an end: what raises the alarm, what only looks like it, and when to look (cancellation.md, test 15)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.money.money import Money


class LateState(StrEnum):
    """Where a payment that came after the end stands. All but *open* are settled."""

    OPEN = "open"  # the alarm: somebody has to give it back, or say why not
    REFUNDED = "refunded"
    EXPLAINED = "explained"  # the merchant said why it was owed
    DEBT = "debt"  # it paid what PayPal showed as outstanding: no alarm was raised


class Finding(StrEnum):
    """What a payment of a stopped subscription is."""

    LATE = "late"
    DEBT = "debt"
    EARLIER = "earlier"  # taken before the end and reported, or cleared, after it
    NO_MONEY = "no_money"  # zero, not there (yet), or already given back


ARRIVED: Final = frozenset({"completed", "partially_refunded"})  # words of domain/money/payments.py
# The last payment of a plan that ran its course, and its end, come from one run of PayPal's, in either order.
SAME_RUN: Final = timedelta(hours=1)
WATCH_AFTER: Final = (
    timedelta(days=1),
    timedelta(days=6),
    timedelta(days=12),
)  # PayPal tries again after 5 days, twice
LONGEST_REASON: Final = 500  # characters


def find(
    state: str, amount: Money, *, paid_at: datetime, stopped_at: datetime, ran_its_course: bool, owed: Money | None
) -> Finding:
    """Tell what a payment of a subscription that PayPal stopped at `stopped_at` is.

    Both moments are PayPal's own, so there is no tolerance after a cancel: one second later is later.
    `owed` is what is left of the balance that PayPal showed as outstanding at the end.
    """
    if paid_at <= stopped_at + (SAME_RUN if ran_its_course else timedelta(0)):
        return Finding.EARLIER
    if amount.amount <= 0 or state not in ARRIVED:
        return Finding.NO_MONEY
    if owed is not None and owed.currency == amount.currency and amount.amount <= owed.amount:
        return Finding.DEBT
    return Finding.LATE


def watch_times(*, stopped_at: datetime, unbilled_at: datetime) -> tuple[datetime, ...]:
    """Return when to look at PayPal for money that no message told of, oldest first.

    A day after the end, for what was under way; then around the payment that would have come next, and its retries.
    """
    around = max(unbilled_at, stopped_at)
    return tuple(sorted({stopped_at + WATCH_AFTER[0], *(around + wait for wait in WATCH_AFTER)}))


def next_watch(*, stopped_at: datetime, unbilled_at: datetime, now: datetime) -> datetime | None:
    """Return the next time to look after `now`; None when the last one has passed."""
    return next((at for at in watch_times(stopped_at=stopped_at, unbilled_at=unbilled_at) if at > now), None)


def is_reason(text: str) -> bool:
    """Say whether `text` explains why a payment is kept: 1 to 500 characters."""
    return 1 <= len(text.strip()) <= LONGEST_REASON
