"""Until when a subscription is paid: domain/paid_time.py, asked with what is stored and what PayPal shows.

What a read cannot show again is kept with the subscription: its trials, its last declined and its pending payment, and
which way with month ends was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from portal import queue
from portal.domain import billing, paid_time
from portal.domain.access import preview_end
from portal.domain.billing import Terms, Trial
from portal.domain.paid_time import Money, PaidUntil
from portal.domain.periods import Interval, add_months
from portal.domain.subscriptions import (
    PROVIDER_NOT_STARTED,
    PROVIDER_OVER,
    ProviderStatus,
    Status,
    status_from_provider,
)
from portal.models import Payment, PaymentState, Subscription
from portal.providers.ports import Reading
from portal.services.rules import rule_of

PAID = (PaymentState.COMPLETED, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED, PaymentState.REVERSED)
WORDS = {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"}  # PayPal's for a payment that came, whatever became of it
REFUSED = {"DECLINED", "FAILED"}


def status_of(reading: Reading, known: Subscription | None = None) -> Status | None:
    """Return what PayPal's word means here; None for one nobody has seen. `known` has taken the reading over.

    A declined payment is late at once, though PayPal counts it only after its last try.  Suspended within its tries,
    it was suspended on purpose: the count says whether failures did it.
    """
    money = seen(reading) if known is None else money_of(known)
    declined = reading.status == ProviderStatus.ACTIVE and money.is_late
    return status_from_provider(reading.status, failed_payments=max(reading.failed_payments, int(declined)))


def seen(reading: Reading) -> Money:
    """Return what an answer alone shows of the payments."""
    rows = reading.payments or ()
    return Money(
        completed_at=_last(reading.last_payment_at, *(row.at for row in rows if row.status in WORDS)),
        declined_at=_last(reading.last_failed_at, *(row.at for row in rows if row.status in REFUSED)),
        pending_at=_last(*(row.at for row in rows if row.status == "PENDING")),
        failures=reading.failed_payments,
        is_all=reading.payments is not None,
    )


def is_provisional(reading: Reading, *, now: datetime) -> bool:
    """Say whether PayPal still shows the sign-up to a trial for its next payment: it is read again after the hour."""
    has_trial = reading.in_trial or bool(reading.plan is not None and reading.plan.trials)
    has_begun = reading.started_at is not None and reading.started_at <= now
    return has_trial and has_begun and paid_time.is_sign_up(reading.next_billing_at, reading.started_at)


def read_again(session: Session, subscription: Subscription, reading: Reading, *, now: datetime) -> None:
    """Have a trial read again after its first hour: PayPal mends the date and sends no message (FACTS.md 1.3)."""
    if not is_provisional(reading, now=now):
        return
    queue.defer(
        session,
        queue.REREAD,
        at=now + paid_time.FIRST_HOUR,
        merchant_id=str(subscription.merchant_id),
        subscription_id=str(subscription.id),
    )


def interval_of(subscription: Subscription) -> Interval | None:
    """Return the subscription's billing rhythm, None when its plan is unknown."""
    return Interval.parse(subscription.interval_unit, subscription.interval_count)


def terms_of(subscription: Subscription) -> Terms:
    """Return what the subscription's periods are reckoned from."""
    trials = [
        (Interval.parse(row["unit"], row["count"]), row["cycles"], row["is_free"]) for row in subscription.trials or ()
    ]
    return Terms(
        started_at=subscription.started_at,
        interval=interval_of(subscription),
        trials=tuple(Trial(interval, cycles, is_free) for interval, cycles, is_free in trials if interval is not None),
        clamps=subscription.keeps_month_ends,
    )


def take_over(subscription: Subscription, reading: Reading, *, now: datetime) -> None:
    """Write what PayPal shows of the payments, and the paid time that follows.

    After an end, and during a pause, PayPal names no next payment: what was read before stands unless a payment came
    or was declined since.
    """
    before, told = money_of(subscription), seen(reading)
    _take_over_trials(subscription, reading)
    subscription.last_payment_at = _last(subscription.last_payment_at, told.completed_at)
    subscription.declined_at = _last(subscription.declined_at, told.declined_at)
    if told.is_all or told.pending_at is not None:
        subscription.pending_at = told.pending_at
    _take_over_month_ends(subscription, subscription.last_payment_at, reading.next_billing_at)
    if reading.status in PROVIDER_NOT_STARTED or subscription.started_at is None or subscription.started_at > now:
        return
    money = money_of(subscription, is_all=told.is_all)
    is_over = reading.status in PROVIDER_OVER
    news = (money.completed_at, money.is_late, money.is_pending) != (
        before.completed_at,
        before.is_late,
        before.is_pending,
    )
    silent = is_over or (reading.next_billing_at is None and not money.is_late)
    if silent and subscription.paid_until is not None and not news:
        return
    known = subscription.paid_until
    subscription.paid_until = paid_time.paid_until(
        terms_of(subscription),
        money,
        next_billing_at=None if is_over else reading.next_billing_at,
        in_trial=reading.in_trial,
        stored=subscription.paid_until,
        now=now,
    ).at
    _end_again(subscription, known)


def money_of(subscription: Subscription, *, is_all: bool = False) -> Money:
    """Return what is stored of the payments."""
    return Money(
        completed_at=subscription.last_payment_at,
        declined_at=subscription.declined_at,
        pending_at=subscription.pending_at,
        failures=subscription.failed_payments,
        is_all=is_all,
    )


def follow_payments(subscription: Subscription, rows: Sequence[Payment], *, now: datetime) -> None:
    """Take over what the payments themselves tell: a declined one, one on its way, and one that cleared.

    A pending payment that clears pays its period also after the end; then the end is computed again, by the function
    that the end itself used.
    """
    kinds = {
        "completed": _last(*(row.paid_at for row in rows if row.state in PAID)),
        "declined": _last(*(row.paid_at for row in rows if row.state is PaymentState.DENIED)),
        "pending": _last(*(row.paid_at for row in rows if row.state is PaymentState.PENDING)),
    }
    before, known = subscription.paid_until, money_of(subscription)
    for row in rows:
        if row.state in PAID:
            _take_over_month_ends(subscription, row.paid_at)
    subscription.declined_at = _last(subscription.declined_at, kinds["declined"])
    subscription.pending_at = kinds["pending"]
    stopped = subscription.stopped_at_provider_at
    if stopped is None or (kinds["completed"] is not None and kinds["completed"] <= stopped):
        subscription.last_payment_at = _last(subscription.last_payment_at, kinds["completed"])
    money = money_of(subscription)
    if money == known or subscription.started_at is None or subscription.started_at > now:
        return
    subscription.paid_until = _again(subscription, money, now=now).at
    _end_again(subscription, before)
    if money.is_late and subscription.provider_status == ProviderStatus.ACTIVE and not subscription.is_over:
        subscription.follow(Status.PAST_DUE, at=late_since(subscription, now=now))


def late_since(subscription: Subscription, *, now: datetime) -> datetime:
    """Return since when a late one is late: the end of what is paid, where that is known and past.

    PayPal's own status time does not tell: it stays that of the activation while payments fail.
    """
    paid = subscription.paid_until
    return paid if paid is not None and paid < now else now


def commitment(subscription: Subscription, cycles: int) -> datetime | None:
    """Return the commitment's end after a read; one that is known stands, unless a way with month ends was seen since.

    So card, commitment and proof name one day.
    """
    months, known = subscription.product.commitment_months, subscription.committed_until
    if months:
        return known or commitment_end(subscription, months=months, cycles=cycles)
    ways = [billing.term_end(replace(terms_of(subscription), clamps=way), cycles) for way in (True, False)]
    if not cycles or (known is not None and known not in ways):
        return known
    return commitment_end(subscription, months=None, cycles=cycles)


def commitment_end(subscription: Subscription, *, months: int | None, cycles: int) -> datetime | None:
    """Return the commitment's end from the start: the product's months, else a finite plan's length; None: no end."""
    if months and subscription.started_at is not None:
        return add_months(subscription.started_at, months)
    return billing.term_end(terms_of(subscription), cycles) if cycles else None


def _again(subscription: Subscription, money: Money, *, now: datetime) -> PaidUntil:
    return paid_time.paid_until(
        terms_of(subscription),
        money,
        next_billing_at=subscription.next_payment_at,
        stored=None if money.is_pending else subscription.paid_until,
        now=now,
    )


def _end_again(subscription: Subscription, before: datetime | None) -> None:
    """Compute an end again as if a payment begun before it had been known then, by the function that the end used.

    A payment that came after it is late money, which ends nothing later; one that never began stays so.
    """
    at, last = subscription.stopped_at_provider_at, subscription.last_payment_at
    if not subscription.is_over or at is None or subscription.started_at is None or subscription.paid_until == before:
        return
    if last is None or last <= at:
        preview = preview_end(subscription.facts_before_the_end, rule_of(subscription.product), subscription.status, at)
        subscription.end(preview.after, access_until=preview.access_until)


def _take_over_trials(subscription: Subscription, reading: Reading) -> None:
    if reading.plan is not None and reading.plan.trials is not None:
        subscription.trials = [
            {
                "unit": trial.interval.unit.value,
                "count": trial.interval.count,
                "cycles": trial.cycles,
                "is_free": trial.is_free,
            }
            for trial in reading.plan.trials
        ]


def _take_over_month_ends(subscription: Subscription, *moments: datetime | None) -> None:
    """Remember which way with month ends was seen; the last one that tells counts."""
    terms = terms_of(subscription)
    for at in moments:
        told = billing.seen_clamping(terms, at)
        if told is not None:
            subscription.keeps_month_ends = told


def _last(*moments: datetime | None) -> datetime | None:
    return max((at for at in moments if at is not None), default=None)
