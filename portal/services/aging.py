"""What happens because time passes. Access needs none of it: it is computed from dates at each request."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session, joinedload

from portal.domain.end_requests import OVERDUE, RequestState
from portal.models import (
    EndRequest,
    LoginChallenge,
    LoginSession,
    Merchant,
    Product,
    Subscription,
    Throttle,
    TimelineKind,
)
from portal.queries import end_requests, subscriptions
from portal.services import notices, timeline
from portal.services.context import Context

NOTICE_BEFORE_ACCESS_ENDS = timedelta(days=3)
KEEP_LOGINS = timedelta(days=30)  # expired sessions and codes, for the person's own list
KEEP_THROTTLES = timedelta(days=1)
BATCH = 200


def run(ctx: Context, *, now: datetime) -> None:
    """Do all of it, each row in a transaction of its own."""
    tell_overdue(ctx, now=now)
    tell_access_ends_soon(ctx, now=now)
    close_over(ctx, now=now)
    forget_expired(ctx, now=now)


def tell_overdue(ctx: Context, *, now: datetime) -> None:
    """Send the honest status to whoever waits for 24 h without PayPal's confirmation (cancellation.md, Mails)."""
    with ctx.db.read() as session:
        waiting = [row.id for row in end_requests.unconfirmed_since(session, now - OVERDUE, limit=BATCH)]
    for request_id in waiting:
        with ctx.db.begin() as session:
            request = end_requests.lock(session, request_id)
            if request.is_open and request.overdue_told_at is None:
                request.overdue_told_at = now
                notices.end_overdue(ctx, session, request, session.get_one(Merchant, request.merchant_id), now=now)


def tell_access_ends_soon(ctx: Context, *, now: datetime) -> None:
    """Tell customers three days before access ends, once (the mail's key makes it so)."""
    with ctx.db.begin() as session:
        for request in _ending(session, after=now, before=now + NOTICE_BEFORE_ACCESS_ENDS):
            merchant = session.get_one(Merchant, request.merchant_id)
            notices.access_ends_soon(ctx, session, request, merchant, now=now)


def close_over(ctx: Context, *, now: datetime) -> None:
    """Close confirmed requests whose access has ended, or is kept for good, and say so on the day."""
    with ctx.db.read() as session:
        rows = [(row.id, row.merchant_id, row.subscription_id) for row in _closable(session, now=now)]
    for request_id, merchant_id, subscription_id in rows:
        with ctx.db.begin() as session:
            subscription = subscriptions.lock(session, merchant_id, subscription_id)
            request = end_requests.lock(session, request_id)
            if request.state is not RequestState.CONFIRMED:
                continue
            request.move(RequestState.CLOSED)
            request.closed_at = now
            timeline.note(session, subscription, TimelineKind.CLOSED, key=str(request.id), at=now)
            if subscription.access_until is not None:
                notices.access_ended(ctx, session, request, session.get_one(Merchant, merchant_id), now=now)


def forget_expired(ctx: Context, *, now: datetime) -> None:
    """Delete log-ins and counters that expired long ago."""
    with ctx.db.begin() as session:
        session.execute(delete(LoginChallenge).where(LoginChallenge.expires_at < now - KEEP_LOGINS))
        session.execute(delete(LoginSession).where(LoginSession.expires_at < now - KEEP_LOGINS))
        session.execute(delete(Throttle).where(Throttle.window_start < now - KEEP_THROTTLES))


def _ending(session: Session, *, after: datetime, before: datetime) -> list[EndRequest]:
    subscription = joinedload(EndRequest.subscription)
    statement = (
        select(EndRequest)
        .join(EndRequest.subscription)
        .options(
            subscription.joinedload(Subscription.customer),
            subscription.joinedload(Subscription.product).selectinload(Product.contents),
            subscription.joinedload(Subscription.plan),
        )
        .where(
            EndRequest.state == RequestState.CONFIRMED,
            Subscription.access_until > after,
            Subscription.access_until <= before,
            EndRequest.confirmed_at < after - timedelta(days=1),  # the confirmation has just said it
        )
        .limit(BATCH)
    )
    return list(session.scalars(statement))


def _closable(session: Session, *, now: datetime) -> list[EndRequest]:
    """Confirmed requests that are over; one whose paid time is unknown waits for the merchant."""
    statement = (
        select(EndRequest)
        .join(EndRequest.subscription)
        .where(
            EndRequest.state == RequestState.CONFIRMED,
            Subscription.ended_at <= now,
            or_(Subscription.access_until <= now, Subscription.access_until.is_(None)),
            or_(Subscription.access_until.is_not(None), Subscription.paid_until.is_not(None)),
        )
        .order_by(EndRequest.confirmed_at)
        .limit(BATCH)
    )
    return list(session.scalars(statement))
