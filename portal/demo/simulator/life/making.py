"""Subscriptions that PayPal has had for a while: one with its whole history, or very many at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from portal.demo.simulator.life import happenings
from portal.demo.simulator.records import (
    ID_LETTERS,
    PAYER_LETTERS,
    Plan,
    Subscription,
    billing_date,
    moment,
    stamp,
)

DAYS: Final = {"DAY": 1.0, "WEEK": 7.0, "MONTH": 30.5, "YEAR": 365.25}
PERIODS_BACK: Final = 12
OLDEST: Final = 720  # days since the start of the oldest of many


def lead_to(row: Subscription, plan: Plan | None, *, status: str, note: str | None, now: datetime) -> None:
    """Bring a new subscription to `status` the way PayPal does; an unknown word is kept as it is."""
    if plan and status not in ("APPROVAL_PENDING", "APPROVED"):
        happenings.become(row, "ACTIVE", now=moment(row.start_time))
        row.next_billing_time = stamp(billing_date(moment(row.start_time), plan, 0))
        happenings.settle(row, plan, now=now)
    if row.status != status and row.status not in happenings.OVER:
        next_billing = row.next_billing_time
        happenings.become(row, status, now=now, note=note)
        if status not in ("SUSPENDED", "CANCELLED", "EXPIRED"):
            row.next_billing_time = next_billing


def start_of_period_ending(plan: Plan, end: datetime) -> datetime:
    """Return the latest start from which a billing date falls on that moment exactly (the 31st has no month before)."""
    days = plan.interval_count * (7 if plan.interval_unit == "WEEK" else 1)
    months = plan.interval_count * (12 if plan.interval_unit == "YEAR" else 1)
    for number in range(1, PERIODS_BACK + 1):
        if plan.interval_unit in ("DAY", "WEEK"):
            return end - timedelta(days=days + plan.trial_days)
        year, month = divmod(end.year * 12 + end.month - 1 - number * months, 12)
        with suppress(ValueError):
            start = end.replace(year=year, month=month + 1) - timedelta(days=plan.trial_days)
            if billing_date(start, plan, number) == end:
                return start
    raise ValueError("no start leads to that day")


def many(count: int, plan: Plan, *, now: datetime, seed: int = 0) -> Iterator[Subscription]:
    """Make active subscriptions begun within the last two years, always the same ones for a seed and a day.

    They show their last payment, but no list of payments, so that 100,000 of them fit in memory.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret: a run can be repeated
    today = now.replace(hour=10, minute=0, second=0, microsecond=0)
    for number in range(count):
        days = chance.randint(1, OLDEST)
        start = today - timedelta(days=days)
        at = stamp(start)
        row = Subscription(
            "I-" + "".join(chance.choices(ID_LETTERS, k=12)),
            plan.client_id,
            plan.id,
            "ACTIVE",
            at,
            at,
            at,
            at,
            given_name="Client",
            surname=f"No {number}",
            email=f"client{number}@example.com",
            payer_id="".join(chance.choices(PAYER_LETTERS, k=13)),
        )
        _bill_up_to(row, plan, start, days=days, now=now)
        yield row


def known(plan: Plan, *, now: datetime, status: str, started_at: str, **given: Any) -> Subscription:
    """Make one that PayPal has had for a while, as `many` does: without its list of payments.

    `given`: its id and whose it is; with `failed_payments` the last one was declined, and waits to be tried again.
    """
    start, failed = moment(started_at), given["failed_payments"]
    row = Subscription(
        client_id=plan.client_id, plan_id=plan.id, status=status, status_update_time=started_at,
        start_time=started_at, create_time=started_at, update_time=started_at, **given,
    )  # fmt: skip
    if status == "APPROVAL_PENDING":
        return row
    _bill_up_to(row, plan, start, days=max((now - start).days, 1), now=now)
    if status == "SUSPENDED":
        row.next_billing_time = None
    if failed:
        row.outstanding, before = plan.amount, stamp(billing_date(start, plan, max(row.periods - 2, 0)))
        row.last_payment = {"amount": plan.amount, "time": before} if row.periods > 1 else None
    return row


def _bill_up_to(row: Subscription, plan: Plan, start: datetime, *, days: int, now: datetime) -> None:
    paid = max(int(days / DAYS[plan.interval_unit] / plan.interval_count) - 1, 1)
    while billing_date(start, plan, paid) <= now:
        paid += 1
    if plan.total_cycles and paid >= plan.total_cycles:
        paid, row.status = plan.total_cycles, "EXPIRED"
        row.status_update_time = stamp(billing_date(start, plan, paid - 1))
    else:
        row.next_billing_time = stamp(billing_date(start, plan, paid))
    row.periods = row.cycles_completed = paid
    row.last_payment = {"amount": plan.amount, "time": stamp(billing_date(start, plan, paid - 1))}
    row.update_time = row.last_payment["time"]
