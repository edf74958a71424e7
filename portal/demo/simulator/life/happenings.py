"""What happens to a subscription: by our acts, by the buyer at PayPal, and by time (FACTS.md 1.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from portal.demo.simulator import shapes
from portal.demo.simulator.life import payments
from portal.demo.simulator.records import Plan, Subscription, billing_date, moment, stamp
from portal.demo.simulator.shapes import PayPalError

OVER: Final = frozenset({"CANCELLED", "EXPIRED"})
FORGOTTEN: Final = "FORGOTTEN"  # no word of PayPal's: it is about to be removed
RETRIES: Final = 2  # of a payment that failed, within its cycle (FACTS.md 1.4)
RETRY_GAP: Final = timedelta(days=5)
SIGN_UP_SHOWN: Final = timedelta(hours=1)  # of a trial; then PayPal mends the date and tells nobody (FACTS.md 1.3)
ANNOUNCED: Final = frozenset({"ACTIVE", "SUSPENDED", "CANCELLED", "EXPIRED"})


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
    """Change the status and announce it. PayPal drops `next_billing_time` from all but an active one."""
    word = "RE-ACTIVATED" if row.status == "SUSPENDED" else "ACTIVATED"
    row.status, row.status_change_note = status, note
    row.status_update_time = row.update_time = stamp(now)
    if status != "ACTIVE":
        row.next_billing_time = row.retry_at = None
    if status in ANNOUNCED:
        payments.tell(row, f"BILLING.SUBSCRIPTION.{word if status == 'ACTIVE' else status}", now)


def activate(row: Subscription, plan: Plan, *, now: datetime, note: str | None = None) -> None:
    """Make it live: billed from its start or now, or after a pause from the next date; a pause is not billed."""
    become(row, "ACTIVE", now=now, note=note)
    if not row.periods and moment(row.start_time) < now:
        row.start_time = stamp(now)
    start = moment(row.start_time)
    while row.periods and billing_date(start, plan, row.periods) <= now:
        row.periods += 1
    row.next_billing_time = stamp(billing_date(start, plan, row.periods))
    row.shows_sign_up = bool(plan.trial_days and start <= now < start + SIGN_UP_SHOWN)


def threshold_reached(row: Subscription, plan: Plan) -> bool:
    """Tell whether PayPal suspended it for failed payments."""
    return 0 < plan.failure_threshold <= row.failed_payments


def due(row: Subscription) -> datetime | None:
    """Return when time will next do something to it; None when never."""
    if row.status == "APPROVED" and not row.merchant_activates:
        return moment(row.start_time)
    if row.status == "APPROVAL_PENDING" and row.forgotten_at:
        return moment(row.forgotten_at)
    times = [moment(at) for at in (row.next_billing_time, row.retry_at) if at]
    if row.shows_sign_up:
        times.append(moment(row.start_time) + SIGN_UP_SHOWN)
    return min(times) if times and row.status == "ACTIVE" else None


def step(row: Subscription, plan: Plan, *, now: datetime) -> bool:
    """Let time do one thing that fell due until `now`; return whether there was one."""
    at = due(row)
    if at is None or at > now:
        return False
    if row.status == "APPROVAL_PENDING":
        row.status = FORGOTTEN
    elif row.status == "APPROVED":
        activate(row, plan, now=now)
    elif row.shows_sign_up:
        row.shows_sign_up = False
    elif row.retry_at and moment(row.retry_at) == at:
        _take(row, plan, at=at)
    else:
        row.periods += 1
        row.tries = 0
        row.next_billing_time = stamp(billing_date(moment(row.start_time), plan, row.periods))
        _take(row, plan, at=at)
    return True


def settle(row: Subscription, plan: Plan, *, now: datetime) -> None:
    """Let time do its part until `now`."""
    while step(row, plan, now=now):
        pass


def _take(row: Subscription, plan: Plan, *, at: datetime) -> None:
    """Take the payment due at `at`. A failed one is tried again every five days, twice at most, within its cycle."""
    if row.failing:
        following = moment(row.next_billing_time or stamp(at))
        again = row.tries < RETRIES and at + RETRY_GAP < following
        row.tries += 1
        payments.decline(row, plan, now=at, retry_at=at + RETRY_GAP if again else None)
        if threshold_reached(row, plan):
            become(row, "SUSPENDED", now=at)
        return
    payments.charge(row, plan, now=at)
    row.cycles_completed += 1
    row.failed_payments, row.outstanding, row.retry_at = 0, "0", None
    row.update_time = stamp(at)
    if plan.total_cycles and row.cycles_completed >= plan.total_cycles:
        become(row, "EXPIRED", now=at)


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
        payments.decline(row, plan, now=now, retry_at=None)
        if row.failed_payments >= (plan.failure_threshold or 3):
            become(row, "SUSPENDED", now=now)


def _fail_payments(row: Subscription, plan: Plan, now: datetime) -> None:
    row.failing = True


def _decline_payment(row: Subscription, plan: Plan, now: datetime) -> None:
    """Decline the payment that is due next: PayPal tries again, counts nothing and shows the date after it."""
    if row.status == "ACTIVE":
        row.periods, row.tries = row.periods + 1, 1
        row.next_billing_time = stamp(billing_date(moment(row.start_time), plan, row.periods))
        payments.decline(row, plan, now=now, retry_at=now + RETRY_GAP)


def _miss_payment(row: Subscription, plan: Plan, now: datetime) -> None:
    """Let the last try of a payment fail: what it was joins the outstanding balance, which a capture takes."""
    if row.status == "ACTIVE":
        payments.decline(row, plan, now=now, retry_at=None)


def _fix_payments(row: Subscription, plan: Plan, now: datetime) -> None:
    row.failing, row.failed_payments, row.outstanding = False, 0, "0"
    if row.status == "SUSPENDED":
        activate(row, plan, now=now)


def _charge(row: Subscription, plan: Plan, now: datetime) -> None:
    payments.charge(row, plan, now=now)


def _close_account(row: Subscription, plan: Plan, now: datetime) -> None:
    row.account_closed = True


def _raise_price(row: Subscription, plan: Plan, now: datetime) -> None:
    if row.status not in OVER:
        row.own_amount = str((Decimal(row.own_amount or plan.amount) * 2).quantize(Decimal(plan.amount)))
        row.update_time = stamp(now)
        payments.tell(row, "BILLING.SUBSCRIPTION.UPDATED", now)


HAPPENINGS: Final[Mapping[str, Callable[[Subscription, Plan, datetime], None]]] = {
    "buyer-approves": _approve,
    "buyer-cancels": _buyer_cancels,
    "expire": _expire,
    "fail-payments": _fail_payments,
    "decline-payment": _decline_payment,
    "miss-payment": _miss_payment,
    "fix-payments": _fix_payments,
    "suspend-for-failures": _suspend_for_failures,
    "raise-price": _raise_price,
    "charge": _charge,
    "refund": payments.refund,
    "refund-part": payments.refund_part,
    "reverse": payments.reverse,
    "reverse-part": payments.reverse_part,
    "cancel-reversal": payments.cancel_reversal,
    "refunds-wait": payments.let_refunds_wait,
    "finish-refunds": payments.finish_refunds,
    "fail-refunds": payments.fail_refunds,
    "captures-wait": payments.let_captures_wait,
    "captures-fail": payments.fail_captures,
    "finish-captures": payments.finish_captures,
    "pending-payment": payments.pend,
    "clear-payment": payments.clear,
    "deny-payment": payments.deny,
    "close-buyer-account": _close_account,
}
