"""A customer hears that what they let PayPal take was not taken, and what they can do instead.

That it was is told by the missed payment's own notice, which whoever paid in another way gets too.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from portal.documents.words import NOT_SETTLED
from portal.domain.money.settlements import SettlementRefusal
from portal.mail import settlements as mails
from portal.mail.settlements import SettlementFacts
from portal.models import Settlement, Subscription
from portal.services.context import Context
from portal.services.notices.recipients import Post


def failed(ctx: Context, session: Session, subscription: Subscription, found: Settlement, *, now: datetime) -> None:
    """Tell the customer that nothing was taken, once; not whoever waits for an end: its own mails tell of that."""
    if found.failed_for in (None, SettlementRefusal.ENDING):
        return
    post = Post.of(ctx, session, subscription.merchant_id, now=now)
    told = SettlementFacts(
        customer_name=subscription.customer.name,
        product=subscription.product.name,
        amount=found.money,
        asked_at=found.created_at,
        why=NOT_SETTLED[found.failed_for],
        path=f"/account/{post.merchant.slug}/settlements/{found.id}",
        is_schedule=subscription.is_schedule,
    )
    composed = mails.settlement_failed(post.head_for(subscription.customer), told)
    post.to_holder(subscription, composed, key=f"settlement-failed:{found.id}")
