"""Money that moves at PayPal: taken, refused, pending, given back (FACTS.md 1.3, 1.4 and 2.2)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from portal.demo.simulator.records import News, Payment, Plan, Subscription, moment, new_id, stamp

RETURNABLE = ("COMPLETED", "PARTIALLY_REFUNDED")


def price(row: Subscription, plan: Plan) -> Decimal:
    """Return what one cycle costs."""
    return Decimal(row.own_amount or plan.amount) * Decimal(row.quantity)


def charge(row: Subscription, plan: Plan, *, now: datetime) -> None:
    """Take one payment, whatever the status: also the one that must never come after a cancel."""
    amount = str(price(row, plan) + Decimal(row.outstanding))
    paid = _paid(row, plan, "COMPLETED", amount=amount, now=now)
    row.last_payment = {"amount": amount, "time": stamp(now)}
    tell(row, "PAYMENT.SALE.COMPLETED", now, payment=paid)


def capture(row: Subscription, plan: Plan, amount: Decimal, now: datetime) -> Payment:
    """Take some of what is outstanding, as our call asks; with nothing left, no payment counts as failed any more.

    What PayPal does with a suspended one is not established: here it stays so.
    """
    status = "DECLINED" if row.captures_fail else "PENDING" if row.captures_wait else "COMPLETED"
    paid = _paid(row, plan, status, amount=str(amount), now=now)
    if status == "PENDING":
        tell(row, "PAYMENT.SALE.PENDING", now, payment=paid)
    elif status == "COMPLETED":
        arrive(row, paid, now)
    return paid


def arrive(row: Subscription, paid: Payment, now: datetime) -> None:
    """Let a captured payment come, which settles so much of what is outstanding."""
    paid.status = "COMPLETED"
    row.outstanding = str(Decimal(row.outstanding) - Decimal(paid.amount))
    if not Decimal(row.outstanding):
        row.failed_payments, row.retry_at = 0, None
    row.last_payment, row.update_time = {"amount": paid.amount, "time": paid.time}, stamp(now)
    tell(row, "PAYMENT.SALE.COMPLETED", now, payment=paid)


def let_captures_wait(row: Subscription, plan: Plan, now: datetime) -> None:
    """Let what is captured from now on stay pending."""
    row.captures_wait = True


def fail_captures(row: Subscription, plan: Plan, now: datetime) -> None:
    """Let what is captured from now on be declined."""
    row.captures_fail = True


def finish_captures(row: Subscription, plan: Plan, now: datetime) -> None:
    """Let the captured payments that are pending come."""
    for paid in row.payments:
        if paid.status == "PENDING" and paid.id in row.captures.values():
            arrive(row, paid, now)


def decline(row: Subscription, plan: Plan, *, now: datetime, retry_at: datetime | None) -> None:
    """Fail one try. Without another one to come, the count goes up and the amount joins the outstanding balance."""
    amount = price(row, plan)
    _paid(row, plan, "DECLINED", amount=str(amount), now=now)
    row.retry_at = stamp(retry_at) if retry_at else None
    row.last_failed_payment = {"amount": str(amount), "time": stamp(now)}
    if retry_at is None:
        row.failed_payments += 1
        row.failed_in_all += 1
        row.outstanding = str(Decimal(row.outstanding) + amount)
    row.update_time = stamp(now)
    tell(row, "BILLING.SUBSCRIPTION.PAYMENT.FAILED", now)


def refund(row: Subscription, plan: Plan, now: datetime) -> None:
    """Give back what is left of the last payment."""
    _give_back(row, now, part=Decimal(1))


def refund_part(row: Subscription, plan: Plan, now: datetime) -> None:
    """Give back half of what is left of the last payment."""
    _give_back(row, now, part=Decimal("0.5"))


def let_refunds_wait(row: Subscription, plan: Plan, now: datetime) -> None:
    """Let the refunds asked for from now on stay pending."""
    row.refunds_wait = True


def finish_refunds(row: Subscription, plan: Plan, now: datetime) -> None:
    """Complete the refunds that are pending."""
    for made in row.refunds:
        if made["state"] == "pending":
            finish_refund(row, made, next(paid for paid in row.payments if paid.id == made["sale_id"]), now)


def fail_refunds(row: Subscription, plan: Plan, now: datetime) -> None:
    """Let the refunds that are pending fail."""
    for made in row.refunds:
        if made["state"] == "pending":
            made |= {"state": "failed", "update_time": stamp(now)}


def finish_refund(row: Subscription, made: dict[str, str], paid: Payment, now: datetime) -> None:
    """Let the money of a refund go back."""
    made |= {"state": "completed", "update_time": stamp(now)}
    _go_back(row, paid, Decimal(made["amount"]), now, refund_id=made["id"])


def reverse(row: Subscription, plan: Plan, now: datetime) -> None:
    """Take the last payment back after a dispute. PayPal's list of transactions has no word of its own for it."""
    _reverse(row, now, part=Decimal(1))


def reverse_part(row: Subscription, plan: Plan, now: datetime) -> None:
    """Take half of what is left of the last payment back."""
    _reverse(row, now, part=Decimal("0.5"))


def cancel_reversal(row: Subscription, plan: Plan, now: datetime) -> None:
    """Give the merchant what was taken back of the last reversed payment: the buyer lost the dispute.

    Classic accounts hear of it; no message of REST's is known (docs/paypal-sandbox-checklist.md).
    """
    paid = next((paid for paid in reversed(row.payments) if Decimal(paid.reversed)), None)
    if paid is not None:
        back, paid.reversed = paid.reversed, "0"
        paid.refunded = str(Decimal(paid.refunded) - Decimal(back))
        paid.status = "PARTIALLY_REFUNDED" if Decimal(paid.refunded) else "COMPLETED"
        if row.classic:
            tell(row, "PAYMENT.SALE.REVERSAL-CANCELLED", now, payment=paid, refund=back)


def pend(row: Subscription, plan: Plan, now: datetime) -> None:
    """Begin a payment that does not come at once, for example an eCheck."""
    paid = _paid(row, plan, "PENDING", amount=str(price(row, plan)), now=now)
    tell(row, "PAYMENT.SALE.PENDING", now, payment=paid)


def clear(row: Subscription, plan: Plan, now: datetime) -> None:
    """Let the pending payment come."""
    paid = _last(row, "PENDING")
    if paid is not None:
        paid.status = "COMPLETED"
        if row.last_payment is None or moment(row.last_payment["time"]) < moment(paid.time):
            row.last_payment = {"amount": paid.amount, "time": paid.time}
        tell(row, "PAYMENT.SALE.COMPLETED", now, payment=paid)


def deny(row: Subscription, plan: Plan, now: datetime) -> None:
    """Refuse the pending payment, or one that begins and ends now."""
    paid = _last(row, "PENDING") or _paid(row, plan, "PENDING", amount=str(price(row, plan)), now=now)
    paid.status = "DECLINED"
    if row.last_failed_payment is None or moment(row.last_failed_payment["time"]) < moment(paid.time):
        row.last_failed_payment = {"amount": paid.amount, "time": paid.time}
    tell(row, "PAYMENT.SALE.DENIED", now, payment=paid)


def tell(
    row: Subscription,
    event_type: str,
    now: datetime,
    *,
    payment: Payment | None = None,
    refund: str = "",
    refund_id: str = "",
) -> None:
    """Note what is to be announced; Simulator makes an event of it. `refund_id`: of one that has its id already."""
    named = refund_id or (new_id("", 17) if refund else "")
    row.untold.append(News(event_type, stamp(now), payment, named, refund))


def _give_back(row: Subscription, now: datetime, *, part: Decimal) -> None:
    paid = _last(row, *RETURNABLE)
    if paid is None:
        return
    left = Decimal(paid.amount) - Decimal(paid.refunded)
    _go_back(row, paid, (left * part).quantize(left), now)


def _reverse(row: Subscription, now: datetime, *, part: Decimal) -> None:
    paid = _last(row, *RETURNABLE)
    if paid is None:
        return
    left = Decimal(paid.amount) - Decimal(paid.refunded)
    back = (left * part).quantize(left)
    paid.reversed = str(Decimal(paid.reversed) + back)
    _count_back(paid, back)
    tell(row, "PAYMENT.SALE.REVERSED", now, payment=paid, refund=str(back))


def _count_back(paid: Payment, back: Decimal) -> None:
    paid.refunded = str(Decimal(paid.refunded) + back)
    paid.status = "REFUNDED" if Decimal(paid.refunded) == Decimal(paid.amount) else "PARTIALLY_REFUNDED"


def _go_back(row: Subscription, paid: Payment, back: Decimal, now: datetime, *, refund_id: str = "") -> None:
    _count_back(paid, back)
    tell(row, "PAYMENT.SALE.REFUNDED", now, payment=paid, refund=str(back), refund_id=refund_id)


def _paid(row: Subscription, plan: Plan, status: str, *, amount: str, now: datetime) -> Payment:
    paid = Payment(new_id("", 17), status, amount, plan.currency, stamp(now))
    row.payments.append(paid)
    return paid


def _last(row: Subscription, *statuses: str) -> Payment | None:
    return next((paid for paid in reversed(row.payments) if paid.status in statuses), None)
