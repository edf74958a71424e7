"""Who is told of pauses: each message once by its key, in the transaction of the change it tells of.

Modest: one mail when a pause is confirmed, one the day before it ends, one when payments have started again, one
when it cannot be; the merchant hears of what customers do themselves, and of what needs help.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.domain.access.access import preview_pause
from portal.domain.ends.end_requests import KEY_TROUBLES, Trouble
from portal.domain.ends.pauses import PauseKind
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail import pauses as mails
from portal.mail.composing import Composed
from portal.mail.facts import PauseFacts
from portal.mail.letterhead import Letterhead
from portal.models import PauseRequest, Subscription
from portal.queries.access import grants
from portal.services.context import Context
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post, about
from portal.services.rules import grants_of, rule_of


def paused(ctx: Context, session: Session, request: PauseRequest, *, now: datetime) -> None:
    """Tell the customer that payments have stopped, and what stays open; the merchant of their own."""
    post, subscription = about(ctx, session, request, now=now)
    _tell_customer(post, request, subscription, mails.pause_confirmed, key=f"paused:{request.id}")
    if request.actor is Actor.CUSTOMER:
        _tell_merchant(post, request, subscription)


def resumed(ctx: Context, session: Session, request: PauseRequest, *, now: datetime) -> None:
    """Tell the customer that it runs again, and the next payment as PayPal shows it."""
    post, subscription = about(ctx, session, request, now=now)
    _tell_customer(post, request, subscription, mails.resume_confirmed, key=f"resumed:{request.id}")
    if request.actor is Actor.CUSTOMER:
        _tell_merchant(post, request, subscription)


def resume_soon(ctx: Context, session: Session, request: PauseRequest, *, now: datetime) -> None:
    """Remind the customer, the day before, that payments start again."""
    post, subscription = about(ctx, session, request, now=now)
    _tell_customer(post, request, subscription, mails.resume_soon, key=f"resume-soon:{request.id}")


def taken_back(ctx: Context, session: Session, request: PauseRequest, *, now: datetime) -> None:
    """Tell the customer that staff took back what they count on: their own request, or the day of a pause's end."""
    if request.kind is PauseKind.PAUSE and request.actor is not Actor.CUSTOMER:
        return
    post, subscription = about(ctx, session, request, now=now)
    _tell_customer(post, request, subscription, mails.pause_taken_back, key=f"pause-taken-back:{request.id}")


def refused(ctx: Context, session: Session, request: PauseRequest, *, now: datetime) -> None:
    """Tell that it cannot be, with what can: the customer, whoever asked, and the merchant.

    Of one that has ended the end's own mail tells.
    """
    post, subscription = about(ctx, session, request, now=now)
    if subscription.is_over:
        return
    _tell_customer(post, request, subscription, mails.pause_refused, key=f"pause-refused:{request.id}")
    _tell_merchant(post, request, subscription)


def stuck(ctx: Context, session: Session, request: PauseRequest, *, now: datetime) -> None:
    """Ask the merchant for help, once per trouble; a broken key is told once for all by its own mail."""
    if request.trouble in KEY_TROUBLES - {Trouble.NO_KEY}:
        return
    post, subscription = about(ctx, session, request, now=now)
    composed = mails.merchant_pause_stuck(post.desk_head, _desk_facts(post, request, subscription))
    post.to_merchant(composed, key=f"pause-stuck:{request.id}:{request.trouble}")


def _tell_customer(
    post: Post,
    request: PauseRequest,
    subscription: Subscription,
    compose: Callable[[Letterhead, PauseFacts], Composed],
    *,
    key: str,
) -> None:
    path = f"/account/{post.merchant.slug}/subscriptions/{subscription.id}"
    told = _facts_at(post, request, subscription, path=path)
    post.to_holder(subscription, compose(post.head_for(subscription.customer), told), key=key)


def _tell_merchant(post: Post, request: PauseRequest, subscription: Subscription) -> None:
    composed = mails.merchant_pause(post.desk_head, _desk_facts(post, request, subscription))
    is_work = not subscription.customer.email  # somebody has to tell them
    post.to_merchant(composed, key=f"merchant-pause:{request.id}:{request.state}", is_work=is_work)


def _desk_facts(post: Post, request: PauseRequest, subscription: Subscription) -> PauseFacts:
    return _facts_at(post, request, subscription, path=notice_facts.desk_path(subscription))


def _facts_at(post: Post, request: PauseRequest, subscription: Subscription, *, path: str) -> PauseFacts:
    customer, product, now = subscription.customer, subscription.product, post.now
    given = grants.of_subscription(post.session, subscription)
    seen = preview_pause(subscription.facts, rule_of(subscription), now, grants_of(product, given))
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
        is_schedule=subscription.is_schedule,
        trouble=request.trouble,
        path=path,
    )
