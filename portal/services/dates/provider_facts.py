"""Take over what PayPal shows of a subscription. Status and ends are decided in `endings`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from portal.clock import SLACK
from portal.domain.dates.end_dates import SEEN_EARLY
from portal.domain.subscriptions import PROVIDER_OVER
from portal.models import Subscription
from portal.providers.ports import Reading
from portal.services.dates import paid_time

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
    paid_time.take_over(subscription, reading, now=now)
    is_named = not is_over(reading) and not paid_time.is_provisional(reading, now=now)
    if not is_named:
        subscription.next_payment_at = None
    elif not _is_behind(subscription, reading):
        subscription.next_payment_at = reading.next_billing_at
    if subscription.started_at is not None:
        subscription.committed_until = paid_time.commitment(
            subscription, reading.plan.total_cycles if reading.plan is not None else 0
        )


def _is_behind(subscription: Subscription, reading: Reading) -> bool:
    """Say whether a read names again the date of a payment that came, after PayPal had named a later one.

    A payment may come some hours before its date, and one read may lag behind another (docs/decisions/0013).
    """
    named, known, paid_at = reading.next_billing_at, subscription.next_payment_at, subscription.last_payment_at
    if named is None or known is None or paid_at is None:
        return False
    return named < known and named <= paid_at + SEEN_EARLY


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
