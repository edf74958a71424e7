"""What happens to a subscription: by our acts, by the buyer at PayPal, and by time (FACTS.md 1.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from portal.demo.simulator import shapes
from portal.demo.simulator.records import Payment, Plan, Subscription, billing_date, moment, new_id, stamp
from portal.demo.simulator.shapes import PayPalError

OVER: Final = frozenset({"CANCELLED", "EXPIRED"})


def act(action: str, row: Subscription, plan: Plan, *, note: str, now: datetime) -> None:
    """Carry out our cancel, suspend or activate; raise PayPal's 422 when the status forbids it."""
    if row.account_closed:
        raise PayPalError(422, "USER_ACCOUNT_CLOSED")
    if action == "cancel" and row.status in ("ACTIVE", "SUSPENDED"):
        become(row, "CANCELLED", now=now, note=note)
    elif action == "suspend" and row.status == "ACTIVE":
        become(row, "SUSPENDED", now=now, note=note)
    elif action == "activate" and row.status == "SUSPENDED":
        if threshold_reached(row, plan):
            raise PayPalError(422, "SUBSCRIPTION_CANNOT_BE_ACTIVATED", shapes.AFTER_THRESHOLD)
        activate(row, plan, note=note, now=now)
    elif action == "activate" and row.status == "APPROVED":
        if not row.merchant_activates:
            raise PayPalError(422, "SUBSCRIPTION_CANNOT_BE_ACTIVATED", shapes.BY_THE_SYSTEM)
        activate(row, plan, note=note, now=now)
    else:
        raise shapes.status_invalid(action)


def become(row: Subscription, status: str, *, now: datetime, note: str | None = None) -> None:
    """Change the status. PayPal drops `next_billing_time` from all but an active one."""
    row.status, row.status_change_note = status, note
    row.status_update_time = row.update_time = stamp(now)
    if status != "ACTIVE":
        row.next_billing_time = None


def activate(row: Subscription, plan: Plan, *, now: datetime, note: str | None = None) -> None:
    """Make it live: billed from its start or now, or after a pause from the next date; a pause is not billed."""
    become(row, "ACTIVE", now=now, note=note)
    if not row.periods and moment(row.start_time) < now:
        row.start_time = stamp(now)
    start = moment(row.start_time)
    while row.periods and billing_date(start, plan, row.periods) <= now:
        row.periods += 1
    row.next_billing_time = stamp(billing_date(start, plan, row.periods))


def threshold_reached(row: Subscription, plan: Plan) -> bool:
    """Tell whether PayPal suspended it for failed payments."""
    return 0 < plan.failure_threshold <= row.failed_payments


def settle(row: Subscription, plan: Plan, *, now: datetime) -> bool:
    """Let time do its part until `now`; return whether anything changed."""
    changed = False
    if row.status == "APPROVED" and not row.merchant_activates and moment(row.start_time) <= now:
        activate(row, plan, now=now)
        changed = True
    while row.status == "ACTIVE" and row.next_billing_time and moment(row.next_billing_time) <= now:
        bill(row, plan, at=moment(row.next_billing_time))
        changed = True
    return changed


def bill(row: Subscription, plan: Plan, *, at: datetime) -> None:
    """Take the payment due at `at`. A failure is final at once: PayPal's two tries within a cycle are left out."""
    row.periods += 1
    if row.failing:
        fail(row, plan, at=at)
    else:
        charge(row, plan, now=at)
        row.cycles_completed += 1
        row.failed_payments, row.outstanding = 0, "0"
        row.update_time = stamp(at)
    if plan.total_cycles and row.cycles_completed >= plan.total_cycles:
        become(row, "EXPIRED", now=at)
    elif threshold_reached(row, plan):
        become(row, "SUSPENDED", now=at)
    else:
        row.next_billing_time = stamp(billing_date(moment(row.start_time), plan, row.periods))


def charge(row: Subscription, plan: Plan, *, now: datetime) -> None:
    """Take one payment, whatever the status: also the one that must never come after a cancel."""
    amount = str(price(row, plan) + Decimal(row.outstanding))
    row.payments.append(Payment(new_id("", 17), "COMPLETED", amount, plan.currency, stamp(now)))
    row.last_payment = {"amount": amount, "time": stamp(now)}


def fail(row: Subscription, plan: Plan, *, at: datetime) -> None:
    """Fail one payment: the count goes up and the amount joins the outstanding balance."""
    amount = price(row, plan)
    row.payments.append(Payment(new_id("", 17), "DECLINED", str(amount), plan.currency, stamp(at)))
    row.failed_payments += 1
    row.outstanding = str(Decimal(row.outstanding) + amount)
    row.last_failed_payment = {"amount": str(amount), "time": stamp(at)}
    row.update_time = stamp(at)


def price(row: Subscription, plan: Plan) -> Decimal:
    """Return what one cycle costs."""
    return Decimal(row.own_amount or plan.amount) * Decimal(row.quantity)


def _approve(row: Subscription, plan: Plan, now: datetime) -> None:
    if row.status == "APPROVAL_PENDING":
        if row.merchant_activates or moment(row.start_time) > now:
            become(row, "APPROVED", now=now)
        else:
            activate(row, plan, now=now)


def _buyer_cancels(row: Subscription, plan: Plan, now: datetime) -> None:
    if row.status not in OVER:
        become(row, "CANCELLED", now=now, note="Cancelled by the buyer")


def _expire(row: Subscription, plan: Plan, now: datetime) -> None:
    if row.status not in OVER:
        become(row, "EXPIRED", now=now)


def _suspend_for_failures(row: Subscription, plan: Plan, now: datetime) -> None:
    while row.status == "ACTIVE" and not threshold_reached(row, plan):
        fail(row, plan, at=now)
        if row.failed_payments >= (plan.failure_threshold or 3):
            become(row, "SUSPENDED", now=now)


def _fail_payments(row: Subscription, plan: Plan, now: datetime) -> None:
    row.failing = True


def _fix_payments(row: Subscription, plan: Plan, now: datetime) -> None:
    row.failing, row.failed_payments, row.outstanding = False, 0, "0"
    if row.status == "SUSPENDED":
        activate(row, plan, now=now)


def _charge(row: Subscription, plan: Plan, now: datetime) -> None:
    charge(row, plan, now=now)


def _close_account(row: Subscription, plan: Plan, now: datetime) -> None:
    row.account_closed = True


HAPPENINGS: Final[Mapping[str, Callable[[Subscription, Plan, datetime], None]]] = {
    "buyer-approves": _approve,
    "buyer-cancels": _buyer_cancels,
    "expire": _expire,
    "fail-payments": _fail_payments,
    "fix-payments": _fix_payments,
    "suspend-for-failures": _suspend_for_failures,
    "charge": _charge,
    "close-buyer-account": _close_account,
}
