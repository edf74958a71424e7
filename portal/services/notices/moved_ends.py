"""Planned ends whose day moved with PayPal's dates: the customer has the former day in writing, and is told the new."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.domain.policies import Actor
from portal.mail import ends
from portal.models import EndRequest, Subscription
from portal.queries import subscriptions
from portal.queries.ends import end_requests
from portal.services.context import Context
from portal.services.dates import end_schedules
from portal.services.notices import notice_facts as facts
from portal.services.notices import notices, outbox
from portal.services.notices.recipients import Post


def follow(ctx: Context, session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Let a planned end follow PayPal's dates and payments, and tell the customer where its day did not stand."""
    if subscription.end_requested_at is None or subscription.is_over:
        return
    planned = end_requests.open_of(session, subscription.id)
    if planned is None:
        return
    former = end_schedules.follow(session, subscription, planned, now=now)
    if former is not None:
        tell(ctx, session, planned, former, now=now)


def tell(ctx: Context, session: Session, request: EndRequest, former: datetime, *, now: datetime) -> None:
    """Tell the customer of their own end's new day; another hour of the same day is none.

    Called once a move, which the row remembers: a day that comes back is told again, so that the last mail is true.
    For the same reason no mail that has not left keeps the former day: it might arrive after this one.
    One that is due at once is told by its confirmation.  An end that staff planned was told for a day only to whom it
    answers.
    """
    if request.asked_by is not Actor.CUSTOMER or request.due_at is None or not request.is_planned(now):
        return
    post = Post.of(ctx, session, request.merchant_id, now=now)
    zone = ZoneInfo(post.merchant.time_zone)
    if former.astimezone(zone).date() == request.due_at.astimezone(zone).date():
        return
    if notices.acknowledged_anew(ctx, session, request, now=now):
        return
    outbox.supersede_about(session, request.id, ("end_moved",))
    subscription = subscriptions.of_request(session, request)
    head = post.head_about(request, subscription.customer)
    composed = ends.end_moved(head, facts.told_facts(post, head, request, subscription))
    post.to_holder(subscription, composed, key=f"moved:{request.id}:{now.isoformat()}", request=request)
