"""Take over what PayPal shows of a subscription. Status and ends are decided in `endings`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from portal.clock import SLACK
from portal.domain.periods import Interval, add_months, paid_until
from portal.domain.subscriptions import PROVIDER_OVER
from portal.models import Subscription
from portal.providers.ports import Reading

NEVER = datetime.min.replace(tzinfo=UTC)
TOO_MUCH = 10**14  # more than the column holds: not a price, and no reason to fail an end


def is_over(reading: Reading) -> bool:
    """Say whether PayPal shows the subscription as over: the only thing a confirmation may rest on."""
    return reading.status in PROVIDER_OVER


def is_stale(subscription: Subscription, reading: Reading) -> bool:
    """Say whether PayPal's answer is older than what is stored: two reads may be written in the wrong order."""
    known, seen = subscription.provider_status_at, reading.status_at
    return known is not None and seen is not None and seen < known


def last_read(subscription: Subscription, *, now: datetime) -> datetime:
    """Return when PayPal was last read for it; a read that lies ahead is a wrong clock's and counts as none."""
    read_at = subscription.provider_read_at
    return read_at if read_at <= now + SLACK else NEVER


def take_over(subscription: Subscription, reading: Reading, *, now: datetime) -> None:
    """Write PayPal's facts into the subscription; a stale reading changes nothing."""
    if is_stale(subscription, reading):
        return
    subscription.provider_status = reading.status
    subscription.provider_status_at = reading.status_at or subscription.provider_status_at
    subscription.provider_read_at = now
    subscription.failed_payments = reading.failed_payments
    if not subscription.is_over:  # one that ended before it began keeps no start: it must not open anything
        subscription.started_at = subscription.started_at or reading.started_at or reading.created_at
    _take_over_price(subscription, reading)
    subscription.outstanding = _outstanding(subscription, reading)  # in the price's currency
    paid_since = _newer(reading.last_payment_at, subscription.last_payment_at)
    if paid_since:
        subscription.last_payment_at = reading.last_payment_at
    _take_over_paid_time(subscription, reading, paid_since=paid_since)
    subscription.next_payment_at = None if is_over(reading) else reading.next_billing_at
    if subscription.committed_until is None and subscription.started_at is not None:
        subscription.committed_until = _commitment(subscription, reading)


def late_since(subscription: Subscription, *, now: datetime) -> datetime:
    """Return since when a late one is late: the end of what is paid, where that is known and past.

    PayPal's own status time does not tell: it stays that of the activation while payments fail.
    """
    paid = subscription.paid_until
    return paid if paid is not None and paid < now else now


def interval_of(subscription: Subscription) -> Interval | None:
    """Return the subscription's billing rhythm, None when its plan is unknown."""
    return Interval.parse(subscription.interval_unit, subscription.interval_count)


def _outstanding(subscription: Subscription, reading: Reading) -> Decimal | None:
    """Return what is unpaid, if PayPal says so in the subscription's currency."""
    unpaid = reading.outstanding
    if unpaid is None or unpaid.currency != subscription.currency or not 0 <= unpaid.amount < TOO_MUCH:
        return None
    return unpaid.amount


def _take_over_price(subscription: Subscription, reading: Reading) -> None:
    plan = reading.plan
    if plan is None:
        return
    if plan.price is not None and abs(plan.price.amount * reading.quantity) < TOO_MUCH:
        subscription.amount = plan.price.amount * reading.quantity
        subscription.currency = plan.price.currency
    if plan.interval_unit is not None:
        subscription.interval_unit, subscription.interval_count = plan.interval_unit, plan.interval_count
    subscription.failure_threshold = plan.failure_threshold


def _take_over_paid_time(subscription: Subscription, reading: Reading, *, paid_since: bool) -> None:
    """Apply domain.md's order of sources, with two cares.

    After an end, and during a pause, PayPal shows no next payment: what was read before stands unless a
    payment came since.  While a payment is late, the next billing date is not a date paid for.
    """
    silent = is_over(reading) or (reading.next_billing_at is None and reading.failed_payments == 0)
    if silent and subscription.paid_until is not None and not paid_since:
        return
    counts = not is_over(reading) and reading.failed_payments == 0
    subscription.paid_until = paid_until(
        next_billing_at=reading.next_billing_at if counts else None,
        last_payment_at=subscription.last_payment_at,
        interval=interval_of(subscription),
        stored=subscription.paid_until,
    ).at


def _commitment(subscription: Subscription, reading: Reading) -> datetime | None:
    """Return the commitment's end: the product's months, else a finite plan's own length; None without one."""
    assert subscription.started_at is not None  # noqa: S101 - the caller checked it
    if subscription.product.commitment_months:
        return add_months(subscription.started_at, subscription.product.commitment_months)
    interval = interval_of(subscription)
    if reading.plan is not None and reading.plan.total_cycles and interval is not None:
        return interval.after(subscription.started_at, reading.plan.total_cycles)
    return None


def _newer(seen: datetime | None, known: datetime | None) -> bool:
    return seen is not None and (known is None or seen > known)
