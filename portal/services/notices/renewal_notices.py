"""The reminder before a tacit renewal, with what proves it copied to its row (law.md R-FR-20, R-FR-24).

What goes back where it is not proved is told to the merchant, again until it is made (R-FR-23).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from portal.domain.law.renewals import ReminderState
from portal.domain.law.withdrawals import WARNED_BEFORE, days_left, warnings_due
from portal.domain.money.money import Money
from portal.i18n import pick_locale
from portal.mail.facts import RenewalFacts
from portal.mail.renewals import VERSION, RenewalRefundFacts, merchant_renewal_refund, renewal_reminder
from portal.models import RenewalRefund, RenewalReminder, Subscription
from portal.queries import subscriptions
from portal.queries.law import renewals
from portal.services.batches import each
from portal.services.context import Context
from portal.services.notices.recipients import Post


def remind(
    ctx: Context, session: Session, subscription: Subscription, reminder: RenewalReminder, *, now: datetime
) -> None:
    """Promise the message to the customer's address of now; the reminder is new, or its last message did not arrive.

    It is no reminder of the kind that a customer may leave out: the law wants it sent.
    """
    post, customer = Post.of(ctx, session, subscription.merchant_id, now=now), subscription.customer
    language = pick_locale(customer.locale, post.merchant.locale)
    number = reminder.sendings + 1
    mail = post.put(
        renewal_reminder(post.head_for(customer), _facts(post, subscription, reminder)),
        key=f"renewal:{subscription.id}:{reminder.renews_on}:{number}",
        recipient=customer.email or "",
        language=language,
        customer=customer,
    )
    if mail is None:
        return
    session.flush()
    reminder.state, reminder.mail_id, reminder.message_id = ReminderState.WAITING, mail.id, mail.message_id
    reminder.address, reminder.template, reminder.sendings = mail.recipient, f"{VERSION}/{language}", number
    reminder.sent_at = reminder.failed_at = None
    reminder.failure = ""


def tell_owed(ctx: Context, session: Session, owed: RenewalRefund, *, now: datetime) -> None:
    """Tell the merchant that money goes back, with the sum and the day, once."""
    post = Post.of(ctx, session, owed.merchant_id, now=now)
    post.to_merchant(
        merchant_renewal_refund(post.desk_head, _refund_facts(session, owed)), key=f"renewal-refund:{owed.id}"
    )


def warn(ctx: Context, *, now: datetime) -> None:
    """Warn of every such refund that is due soon, or is overdue, once for each time. Raises Unfinished at the end."""
    soon = partial(renewals.open_refunds, due_before=now + max(WARNED_BEFORE))
    each(ctx.db, soon, partial(_warn, ctx, now), event="renewal_refund_warning_failed")


def _warn(ctx: Context, now: datetime, session: Session, key: renewals.RowKey) -> None:
    owed = renewals.lock_refund(session, key.merchant_id, key.id)
    times = warnings_due(owed.due_at, now=now)
    if owed.settled_at is not None or not times:
        return
    post = Post.of(ctx, session, owed.merchant_id, now=now)
    days = days_left(owed.due_at, post.merchant.time_zone, now=now)
    composed = merchant_renewal_refund(post.desk_head, _refund_facts(session, owed), days=days)
    post.to_merchant(composed, key=f"renewal-refund-due:{owed.id}:{times[-1]}")


def _refund_facts(session: Session, owed: RenewalRefund) -> RenewalRefundFacts:
    subscription = subscriptions.of_merchant(session, owed.merchant_id, owed.subscription_id)
    return RenewalRefundFacts(
        product=subscription.product.name,
        customer_name=subscription.customer.name,
        customer_email=subscription.customer.email,
        amount=owed.money,
        due_at=owed.due_at,
        path=f"/admin/subscriptions/{owed.subscription_id}/renewal",
    )


def _facts(post: Post, subscription: Subscription, reminder: RenewalReminder) -> RenewalFacts:
    plan, amount, currency = subscription.plan, subscription.amount, subscription.currency
    if plan is None or plan.term_months is None or reminder.renews_on is None or reminder.deadline_on is None:
        raise ValueError("only a fixed term that renews itself is reminded of")
    return RenewalFacts(
        customer_name=subscription.customer.name,
        product=subscription.product.name,
        merchant_name=post.merchant.name,
        support_email=post.merchant.support_email,
        months=plan.term_months,
        renews_on=reminder.renews_on,
        deadline_on=reminder.deadline_on,
        price=Money(amount, currency) if amount is not None and currency else None,
        interval_unit=subscription.interval_unit,
        interval_count=subscription.interval_count,
        path=f"/account/{post.merchant.slug}/subscriptions/{subscription.id}",
    )
