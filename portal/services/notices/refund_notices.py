"""Who is told of a refund that staff gave: the customer, once PayPal shows it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from portal.domain.money.money import Money
from portal.mail import refunds as mails
from portal.mail.refunds import RefundFacts
from portal.models import Payment, Refund, Subscription
from portal.queries import subscriptions
from portal.services.context import Context
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post


def given_back(
    ctx: Context, session: Session, subscription: Subscription, refund: Refund, payment: Payment, *, now: datetime
) -> None:
    """Tell the customer how much of which payment went back, once per refund."""
    subscription = subscriptions.of_merchant(session, subscription.merchant_id, subscription.id)  # with customer
    post = Post.of(ctx, session, subscription.merchant_id, now=now)
    told = RefundFacts(
        product=subscription.product.name,
        customer_name=subscription.customer.name,
        amount=Money(refund.amount, refund.currency),
        paid=Money(payment.amount, payment.currency),
        paid_at=payment.paid_at,
        is_schedule=subscription.is_schedule,
        is_whole=refund.amount == payment.amount,
        is_access_told=subscription.is_over and not payment.left and subscription.access_until is not None,
        access_until=subscription.access_until,
        now=now,
        payment_id=payment.provider_id,
        path=notice_facts.account_path(post.merchant),
    )
    composed = mails.payment_refunded(post.head_for(subscription.customer), told)
    post.to_holder(subscription, composed, key=f"refunded:{refund.id}")
