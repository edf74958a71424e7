"""Who is told of money after an end: the customer at once, the merchant in one mail for all that is new."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal.domain.money.late_payments import LateState
from portal.domain.money.money import Money
from portal.domain.money.refunds import RefundState
from portal.domain.policies import Actor
from portal.logs import place_of
from portal.mail import late_payments as mails
from portal.mail.composing import Composed
from portal.mail.late_payments import LateFacts
from portal.mail.letterhead import Letterhead
from portal.models import EndRequest, LatePayment, Merchant, Payment, Provider, Subscription
from portal.queries import subscriptions
from portal.queries.money import late_payments
from portal.queries.money.late_payments import Alarm
from portal.services.batches import Unfinished
from portal.services.context import Context
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post

log = structlog.get_logger(__name__)

TOGETHER: Final = timedelta(hours=1)  # at most one mail of this kind to a merchant within it
LISTED: Final = 20  # payments named in one mail
STUCK: Final = frozenset({RefundState.NEEDS_MERCHANT, RefundState.FAILED})


def came(ctx: Context, session: Session, subscription: Subscription, payment: Payment, *, now: datetime) -> None:
    """Tell the customer that money came after the end, once per payment."""
    _tell_customer(ctx, session, subscription, payment, mails.late_payment, key=f"late-payment:{payment.id}", now=now)


def went_back(ctx: Context, session: Session, subscription: Subscription, payment: Payment, *, now: datetime) -> None:
    """Tell the customer that all of the payment went back by now, each time that it did."""
    key = f"late-refunded:{payment.id}:{now.isoformat()}"
    _tell_customer(ctx, session, subscription, payment, mails.late_payment_refunded, key=key, now=now)


def moved(
    ctx: Context, session: Session, subscription: Subscription, payment: Payment, late: LatePayment, *, now: datetime
) -> None:
    """Tell the customer how much went back, or is with the merchant again, and how much is open now."""

    def compose(head: Letterhead, facts: LateFacts) -> Composed:
        told = replace(
            facts, is_kept=late.state is LateState.EXPLAINED, came_again=_came_again(payment, late.told_back)
        )
        return mails.late_payment_open(head, told)

    key = f"late-open:{payment.id}:{late.told_back}:{now.isoformat()}"
    _tell_customer(ctx, session, subscription, payment, compose, key=key, now=now)


def kept(ctx: Context, session: Session, subscription: Subscription, payment: Payment, *, now: datetime) -> None:
    """Tell the customer that the merchant calls the payment owed and keeps it, once per payment."""
    key = f"late-kept:{payment.id}"
    _tell_customer(ctx, session, subscription, payment, mails.late_payment_kept, key=key, now=now)


def tell_again(late: LatePayment) -> None:
    """Name the payment in the merchant's next mail once more: its refund did not come about."""
    late.merchant_told_at = None


def tell_merchants(ctx: Context, *, now: datetime) -> None:
    """Send each merchant one mail about every alarm that none has told of yet.

    The rows are the promise: what a killed process did not tell, the next run does.  A merchant whose mail cannot be
    written keeps no other one waiting.  Raises Unfinished at the end.
    """
    with ctx.db.read() as session:
        merchant_ids = late_payments.merchants_to_tell(session)
    failed = 0
    for merchant_id in merchant_ids:
        try:
            with ctx.db.begin() as session:
                _tell(ctx, session, merchant_id, now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            failed += 1
            name, place = type(error).__name__, place_of(error)
            log.error("merchant_not_told", merchant_id=str(merchant_id), error=name, place=place)
    if failed:
        raise Unfinished(f"{failed} merchants")


def _tell_customer(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    payment: Payment,
    compose: Callable[[Letterhead, LateFacts], Composed],
    *,
    key: str,
    now: datetime,
) -> None:
    subscription = subscriptions.of_merchant(session, subscription.merchant_id, subscription.id)  # with customer
    post = Post.of(ctx, session, subscription.merchant_id, now=now)
    request = late_payments.request_behind(session, subscription.id)
    told = _for_customer(post.merchant, subscription, payment, request)
    post.to_holder(subscription, compose(post.head_for(subscription.customer), told), key=key, request=request)


def _tell(ctx: Context, session: Session, merchant_id: uuid.UUID, *, now: datetime) -> None:
    alarms = late_payments.untold(session, merchant_id)  # locked: looked at again by whoever waited
    last = late_payments.last_told_at(session, merchant_id)
    if not alarms or (last is not None and now - last < TOGETHER):
        return
    for alarm in alarms:
        alarm.late.merchant_told_at = now
    post = Post.of(ctx, session, merchant_id, now=now)
    composed = mails.merchant_late_payments(
        post.desk_head,
        rows=tuple(_for_merchant(alarm) for alarm in alarms[:LISTED]),
        more=max(len(alarms) - LISTED, 0),
    )
    post.to_merchant(composed, key=f"late-payments:{merchant_id}:{now.isoformat()}")


def _came_again(payment: Payment, told_back: Decimal) -> Money | None:
    step = told_back - payment.went_back
    return Money(step, payment.currency) if step > 0 else None


def _for_customer(
    merchant: Merchant, subscription: Subscription, payment: Payment, request: EndRequest | None
) -> LateFacts:
    return LateFacts(
        product=subscription.product.name,
        customer_name=subscription.customer.name,
        customer_email=subscription.customer.email,
        is_schedule=subscription.is_schedule,
        amount=Money(payment.amount, payment.currency),
        paid_at=payment.paid_at,
        provider_id=payment.provider_id,
        reference=request.reference if request is not None else "",
        asked_by_customer=request is not None and request.actor is Actor.CUSTOMER,
        given_back=_given_back(payment),
        taken_back=Money(payment.taken_back, payment.currency),
        left=Money(payment.left, payment.currency),
        path=notice_facts.proof_path(merchant, request) if request else notice_facts.account_path(merchant),
    )


def _given_back(payment: Payment) -> Money:
    return Money(payment.went_back - payment.taken_back, payment.currency)


def _for_merchant(alarm: Alarm) -> LateFacts:
    subscription = alarm.late.subscription
    return LateFacts(
        product=subscription.product.name,
        customer_name=subscription.customer.name,
        customer_email=subscription.customer.email,
        is_schedule=subscription.is_schedule,
        amount=alarm.amount,
        given_back=_given_back(alarm.late.payment),
        taken_back=Money(alarm.late.payment.taken_back, alarm.late.payment.currency),
        left=Money(alarm.late.payment.left, alarm.late.payment.currency),
        paid_at=alarm.late.payment.paid_at,
        provider_id=alarm.late.payment.provider_id,
        is_classic=subscription.provider is Provider.PAYPAL_CLASSIC,
        refund_is_stuck=alarm.refund is not None and alarm.refund.state in STUCK,
        path=f"/admin/late-payments/{alarm.late.id}",
    )
