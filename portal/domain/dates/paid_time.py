"""Until when a subscription is paid: by completed payments and the start, never by PayPal's next date alone.

A payment that went back whole takes its period back; of one that went back in part the merchant decides, and it stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.dates.billing import (
    HOURS,
    RETRIES,
    Terms,
    anchored,
    free_trial_end,
    period_begin,
    period_end,
    tolerance,
)

FIRST_HOUR: Final = timedelta(hours=1)  # so long after the sign-up PayPal may still show it as the next payment


@dataclass(frozen=True, kw_only=True)
class Money:
    """What was seen of the payments: the last one of each kind, and whether PayPal was asked for all of them."""

    completed_at: datetime | None = None  # the last one that stands
    went_back: tuple[datetime, ...] = ()  # those since, oldest first, of which nothing is left
    earlier: tuple[datetime, ...] = ()  # those before, which tell the rhythm
    declined_at: datetime | None = None
    pending_at: datetime | None = None
    failures: int = 0
    is_all: bool = False  # a read since the start showed every payment

    @property
    def all_that_came(self) -> tuple[datetime, ...]:
        """Each one that came, oldest first, whatever became of it."""
        return tuple(sorted({*self.earlier, *self.went_back}))

    @property
    def came_at(self) -> datetime | None:
        """The last one that came, whatever became of it."""
        return self.went_back[-1] if self.went_back else self.completed_at

    def is_news_to(self, before: Money) -> bool:
        """Say whether it changes what is paid: what was known before, and how PayPal named its end, stands else."""
        return any(
            getattr(self, name) != getattr(before, name)
            for name in ("completed_at", "went_back", "is_late", "is_pending")
        )

    @property
    def is_late(self) -> bool:
        """Whether a payment that was due did not come: PayPal may count it only after its last try (FACTS.md 1.4)."""
        return self.failures > 0 or _after(self.declined_at, self.came_at)

    @property
    def is_pending(self) -> bool:
        """Whether one is on its way: what it pays for is unknown until it clears."""
        return _after(self.pending_at, self.came_at)


class PaidSource(StrEnum):
    """How we know until when it is paid."""

    NEXT_BILLING = "next_billing"
    LAST_PAYMENT = "last_payment"
    TRIAL = "trial"
    NOTHING = "nothing"  # no completed payment: paid until the start, which is no time at all
    STORED = "stored"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PaidUntil:
    """The end of the time already paid; `at` is None only when the source is UNKNOWN."""

    at: datetime | None
    source: PaidSource


UNKNOWN: Final = PaidUntil(None, PaidSource.UNKNOWN)


def paid_until(
    terms: Terms,
    money: Money,
    *,
    next_billing_at: datetime | None,
    in_trial: bool = False,
    stored: datetime | None = None,
    is_same: bool = False,
    now: datetime,
) -> PaidUntil:
    """Return the end of the paid time, from the surest source there is.

    `next_billing_at` must come from a read made before the cancel call: PayPal drops it afterwards.  `is_same`: the
    last payment that stands is the one by which `stored` was reckoned.
    """
    if money.is_pending:
        return UNKNOWN
    if money.went_back:
        return _before(terms, money, stored)
    named = None if money.is_late else next_billing_at
    if money.completed_at is not None:
        return _by_payment(terms, money, money.completed_at, named, stored, is_same=is_same) or _kept(stored)
    begun, trial = terms.started_at, free_trial_end(terms)
    if begun is not None and (trial is not None or in_trial):
        return _by_trial(begun, trial, named, stored)
    if begun is not None and (money.declined_at or money.failures or (money.is_all and now >= begun + FIRST_HOUR)):
        return PaidUntil(begun, PaidSource.NOTHING)
    return _kept(stored)


def is_sign_up(next_billing_at: datetime | None, started_at: datetime | None) -> bool:
    """Say whether PayPal still shows the sign-up for the next payment; it mends that within the hour (FACTS.md 1.3)."""
    return next_billing_at is not None and started_at is not None and next_billing_at < started_at + FIRST_HOUR


def nothing_is_paid(started_at: datetime | None, paid_until: datetime | None) -> bool:
    """Say whether it is known that no payment was ever completed: paid until the start is no time at all."""
    return started_at is not None and paid_until is not None and paid_until <= started_at


def _rhythm(terms: Terms, money: Money, at: datetime) -> Terms:
    """Return the rhythm as it is with a payment, by it and those before it."""
    return anchored(terms, [*(one for one in money.earlier if one < at), at])


def _before(terms: Terms, money: Money, stored: datetime | None) -> PaidUntil:
    """Return until when it is paid without the payments that went back: they take their periods, and no other.

    A payment before them may pay for longer; one that nobody knows of is not taken for missing.
    """
    first, begun = money.went_back[0], terms.started_at
    if money.declined_at is not None and _after(money.declined_at, money.completed_at):
        first = min(first, money.declined_at)
    begins = period_begin(_rhythm(terms, money, first), first)
    stands = _by_payment(terms, money, money.completed_at, None, stored) if money.completed_at is not None else None
    if stands is not None and stands.at is not None and stands.at >= begins - timedelta(hours=12):
        return stands
    if begun is not None and begins <= begun:
        return PaidUntil(begun, PaidSource.NOTHING)
    return PaidUntil(begins, PaidSource.LAST_PAYMENT)


def _by_payment(
    terms: Terms,
    money: Money,
    paid_at: datetime,
    named: datetime | None,
    stored: datetime | None,
    *,
    is_same: bool = False,
) -> PaidUntil | None:
    """Take PayPal's date where it ends the payment's own period; a later one is the end of a period nobody paid.

    One within a day of the payment, or of its own date, is that of the payment itself, which came before it was due.
    Then the date that PayPal named before stands, to the hour, where it is the one that is reckoned; and of the same
    payment where it is quite another: a plan with another rhythm came since, which it did not pay for.
    """
    rhythm = _rhythm(terms, money, paid_at)
    end = period_end(rhythm, paid_at)
    if end is None or terms.interval is None:
        return PaidUntil(named, PaidSource.NEXT_BILLING) if named is not None and named > paid_at + HOURS / 2 else None
    own = max(paid_at, period_begin(rhythm, paid_at))
    is_own = named is not None and named < own + min(HOURS, (end - own) / 2)
    if named is not None and not is_own and named <= end + tolerance(terms.interval, paid_at):
        return PaidUntil(named, PaidSource.NEXT_BILLING)
    apart = abs(stored - end) if stored is not None else None
    if apart is not None and (apart < timedelta(hours=12) or (is_same and apart > tolerance(terms.interval, paid_at))):
        return PaidUntil(stored, PaidSource.STORED)
    return PaidUntil(end, PaidSource.LAST_PAYMENT)


def _by_trial(begun: datetime, trial: datetime | None, named: datetime | None, stored: datetime | None) -> PaidUntil:
    is_trustworthy = named is not None and not is_sign_up(named, begun)
    if is_trustworthy and (trial is None or (named is not None and named <= trial + RETRIES)):
        return PaidUntil(named, PaidSource.NEXT_BILLING)
    if trial is not None:
        return PaidUntil(trial, PaidSource.TRIAL)
    return UNKNOWN if is_sign_up(stored, begun) else _kept(stored)


def _kept(stored: datetime | None) -> PaidUntil:
    return PaidUntil(stored, PaidSource.STORED) if stored is not None else UNKNOWN


def _after(at: datetime | None, other: datetime | None) -> bool:
    return at is not None and (other is None or at > other)
