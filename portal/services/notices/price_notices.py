"""A customer hears of another price, once, as soon as PayPal names it for their subscription.

Only a read of the subscription itself brings one (`endings.record_reading`): a plan that says something else has not
changed anybody's price yet.  Another plan is no other price: its buyer has agreed to it at PayPal.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from portal.domain.money.money import Money
from portal.domain.subscriptions import Status
from portal.mail.prices import PriceFacts, price_changed
from portal.models import Subscription
from portal.queries.ends import end_requests
from portal.services.context import Context
from portal.services.notices.recipients import Post


def price_of(subscription: Subscription) -> Money | None:
    """Return what is paid each time, None where nobody knows it."""
    if subscription.amount is None or subscription.currency is None:
        return None
    return Money(subscription.amount, subscription.currency)


def follow(ctx: Context, session: Session, subscription: Subscription, before: Money | None, *, now: datetime) -> None:
    """Tell the customer that the price is another one than `before`; nobody who never approved it, or waits for an end.

    Two reads that contradict each other tell of each price once before the next payment.
    """
    after = price_of(subscription)
    if before is None or after is None or after == before or after.currency != before.currency:
        return
    if subscription.status is Status.PENDING or _is_end_awaited(session, subscription, now=now):
        return
    post, customer = Post.of(ctx, session, subscription.merchant_id, now=now), subscription.customer
    told = PriceFacts(
        customer_name=customer.name,
        product=subscription.product.name,
        former=before,
        amount=after,
        interval_unit=subscription.interval_unit,
        interval_count=subscription.interval_count,
        next_payment_at=subscription.next_payment_at,
        path=f"/account/{post.merchant.slug}/subscriptions/{subscription.id}",
        is_schedule=subscription.is_schedule,
    )
    day = subscription.next_payment_at.date() if subscription.next_payment_at is not None else ""
    key = f"price:{subscription.id}:{after.amount.normalize()}:{day}"
    post.to_holder(subscription, price_changed(post.head_for(customer), told), key=key)


def _is_end_awaited(session: Session, subscription: Subscription, *, now: datetime) -> bool:
    request = end_requests.open_of(session, subscription.id)
    return request is not None and not request.is_planned(now)
