"""What a payment after the end adds to the paid time, and takes with it again when it goes back whole (domain.md)."""

from __future__ import annotations

from collections.abc import Sequence

from portal.domain.late_payments import ARRIVED
from portal.models import Payment, Subscription
from portal.services.paid_time import interval_of


def follow(subscription: Subscription, late: Sequence[Payment]) -> None:
    """Set a stopped subscription's paid time by the payments after its stop, oldest first.

    Nothing is done while none of them ever went back: PayPal's own dates stand then.  A part that went back takes
    nothing with it: that is the merchant's to decide.
    """
    if not any(payment.went_back or payment.reversals for payment in late):
        return
    kept = [payment for payment in late if payment.state in ARRIVED and payment.amount > 0]
    if kept and kept[-1] is late[-1] and not kept[-1].reversals:
        return
    base, interval = subscription.stop_paid_until, interval_of(subscription)
    if kept and interval is not None:
        paid = interval.after(kept[-1].paid_at)
        subscription.paid_until = max(paid, base) if base is not None else paid
    elif not kept:
        subscription.paid_until = base
