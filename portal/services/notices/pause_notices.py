"""Who is told of pauses: each message once by its key, in the transaction of the change it tells of.

Modest: one mail when a pause is confirmed, one the day before it ends, one when payments have started again, one
when it cannot be; the merchant hears of what customers do themselves, and of what needs help.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.domain.access import preview_pause
from portal.domain.end_requests import Trouble
from portal.domain.money import Money
from portal.domain.pauses import PauseKind
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail import pauses as mails
from portal.mail.facts import PauseFacts
from portal.models import Merchant, PauseRequest, Subscription
from portal.queries import grants, subscriptions
from portal.services.context import Context
from portal.services.notices import notice_facts
from portal.services.notices.notices import KEY_TROUBLES
from portal.services.notices.recipients import to_customer, to_merchant
from portal.services.rules import grants_of, rule_of


def paused(ctx: Context, session: Session, request: PauseRequest, merchant: Merchant, *, now: datetime) -> None:
    """Tell the customer that payments have stopped, and what stays open; the merchant of their own."""
    subscription = subscriptions.of_request(session, request)
    head = notice_facts.customer_head(ctx, merchant, subscription.customer)
    composed = mails.pause_confirmed(head, _facts(session, request, subscription, merchant, now=now))
    to_customer(ctx, session, merchant, request, composed, key=f"paused:{request.id}", now=now)
    _tell_merchant(ctx, session, request, subscription, merchant, now=now)


def resumed(ctx: Context, session: Session, request: PauseRequest, merchant: Merchant, *, now: datetime) -> None:
    """Tell the customer that it runs again, and the next payment as PayPal shows it."""
    subscription = subscriptions.of_request(session, request)
    head = notice_facts.customer_head(ctx, merchant, subscription.customer)
    composed = mails.resume_confirmed(head, _facts(session, request, subscription, merchant, now=now))
    to_customer(ctx, session, merchant, request, composed, key=f"resumed:{request.id}", now=now)
    _tell_merchant(ctx, session, request, subscription, merchant, now=now)


def resume_soon(ctx: Context, session: Session, request: PauseRequest, merchant: Merchant, *, now: datetime) -> None:
    """Remind the customer, the day before, that payments start again."""
    subscription = subscriptions.of_request(session, request)
    head = notice_facts.customer_head(ctx, merchant, subscription.customer)
    composed = mails.resume_soon(head, _facts(session, request, subscription, merchant, now=now))
    to_customer(ctx, session, merchant, request, composed, key=f"resume-soon:{request.id}", now=now)


def taken_back(ctx: Context, session: Session, request: PauseRequest, merchant: Merchant, *, now: datetime) -> None:
    """Tell the customer that staff took back what they count on: their own request, or the day of a pause's end."""
    if request.kind is PauseKind.PAUSE and request.actor is not Actor.CUSTOMER:
        return
    subscription = subscriptions.of_request(session, request)
    head = notice_facts.customer_head(ctx, merchant, subscription.customer)
    composed = mails.pause_taken_back(head, _facts(session, request, subscription, merchant, now=now))
    to_customer(ctx, session, merchant, request, composed, key=f"pause-taken-back:{request.id}", now=now)


def refused(ctx: Context, session: Session, request: PauseRequest, merchant: Merchant, *, now: datetime) -> None:
    """Tell that it cannot be, with what can: the customer, whoever asked, and the merchant.

    Of one that has ended the end's own mail tells.
    """
    subscription = subscriptions.of_request(session, request)
    if subscription.is_over:
        return
    head = notice_facts.customer_head(ctx, merchant, subscription.customer)
    composed = mails.pause_refused(head, _facts(session, request, subscription, merchant, now=now))
    to_customer(ctx, session, merchant, request, composed, key=f"pause-refused:{request.id}", now=now)
    _tell_merchant(ctx, session, request, subscription, merchant, now=now, always=True)


def stuck(ctx: Context, session: Session, request: PauseRequest, merchant: Merchant, *, now: datetime) -> None:
    """Ask the merchant for help, once per trouble; a broken key is told once for all by its own mail."""
    if request.trouble in KEY_TROUBLES - {Trouble.NO_KEY}:
        return
    subscription = subscriptions.of_request(session, request)
    composed = mails.merchant_pause_stuck(
        notice_facts.letterhead(ctx, merchant, merchant.locale), _desk_facts(session, request, subscription, now=now)
    )
    key = f"pause-stuck:{request.id}:{request.trouble}"
    to_merchant(ctx, session, merchant, composed, key=key, now=now)


def _tell_merchant(
    ctx: Context,
    session: Session,
    request: PauseRequest,
    subscription: Subscription,
    merchant: Merchant,
    *,
    now: datetime,
    always: bool = False,
) -> None:
    if request.actor is not Actor.CUSTOMER and not always:
        return
    composed = mails.merchant_pause(
        notice_facts.letterhead(ctx, merchant, merchant.locale), _desk_facts(session, request, subscription, now=now)
    )
    to_merchant(ctx, session, merchant, composed, key=f"merchant-pause:{request.id}:{request.state}", now=now)


def _facts(
    session: Session, request: PauseRequest, subscription: Subscription, merchant: Merchant, *, now: datetime
) -> PauseFacts:
    path = f"/account/{merchant.slug}/subscriptions/{subscription.id}"
    return _facts_at(session, request, subscription, path=path, now=now)


def _desk_facts(session: Session, request: PauseRequest, subscription: Subscription, *, now: datetime) -> PauseFacts:
    return _facts_at(session, request, subscription, path=notice_facts.desk_path(subscription), now=now)


def _facts_at(
    session: Session, request: PauseRequest, subscription: Subscription, *, path: str, now: datetime
) -> PauseFacts:
    customer, product = subscription.customer, subscription.product
    given = grants.of_customer(session, request.merchant_id, customer.id, product_id=product.id)
    seen = preview_pause(subscription.facts, rule_of(product), now, grants_of(product, given))
    amount, currency = subscription.amount, subscription.currency
    last = max((window.until for window in seen.stops if window.until is not None), default=None)
    return PauseFacts(
        kind=request.kind,
        product=product.name,
        customer_name=customer.name,
        customer_email=customer.email,
        asked_by=request.actor,
        asked_at=request.created_at,
        state=request.state,
        refused_for=request.refused_for,
        is_suspended=subscription.status in (Status.PAUSED, Status.PAST_DUE),
        resumes_at=request.resume_at if request.kind is PauseKind.PAUSE else request.due_at,
        price=Money(amount, currency) if amount is not None and currency else None,
        interval_unit=subscription.interval_unit,
        interval_count=subscription.interval_count,
        next_payment_at=subscription.next_payment_at,
        access_until=last if last is not None and last > now + timedelta(seconds=1) else None,
        access_stays=bool(seen.stays) and not seen.stops,
        is_access_unknown=subscription.paid_until is None and bool(seen.stops) and last is None,
        trouble=request.trouble,
        path=path,
    )
