"""Staff say until when an ended subscription is paid, where PayPal does not say it (docs/decisions/0002)."""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor
from portal.mail import ends
from portal.models import EndRequest, Subscription, TimelineKind
from portal.queries import inbox as stored
from portal.queries import subscriptions
from portal.queries.access import grants
from portal.queries.ends import end_requests
from portal.queries.money import late_payments
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.dates.paid_time import is_unsettled
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post
from portal.services.rules import write_end

log = structlog.get_logger(__name__)


def give(
    ctx: Context,
    merchant_id: uuid.UUID,
    subscription_id: uuid.UUID,
    paid_until: datetime,
    *,
    by: str,
    by_id: uuid.UUID | None = None,
    now: datetime,
) -> None:
    """Write the date and the access that follows from it, and tell the customer, who was told that we would.

    The request then closes by itself.  Raises NoResultFound when no date is missing there (any more).
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, merchant_id, subscription_id)
        found = stored.missing_date(session, merchant_id, subscription_id)
        over_at = subscription.stopped_at_provider_at or subscription.ended_at
        if found is None or over_at is None:
            raise NoResultFound
        request = end_requests.lock(session, found.id)
        _write(subscription, paid_until, over_at)
        timeline.note(
            session,
            subscription,
            TimelineKind.DATE_GIVEN,
            key=paid_until.isoformat(),
            at=now,
            by=By(actor=Actor.STAFF, actor_id=by_id, channel=Channel.STAFF, name=by),
            paid_until=paid_until.isoformat(),
            reference=request.reference,
        )
        _tell(ctx, session, request, subscription, by_hand=True, now=now)
    log.info("paid_until_given", subscription_id=str(subscription_id))


def tell_settled(ctx: Context, session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Tell the customer, once, what a payment that was on its way at the end has come to: until when it is paid."""
    request = late_payments.request_behind(session, subscription.id)
    if request is not None and subscription.paid_until is not None and not is_unsettled(subscription):
        _tell(ctx, session, request, subscription, by_hand=False, now=now)


def _write(subscription: Subscription, paid_until: datetime, over_at: datetime) -> None:
    """Compute the end again as if the date had been known then, by the function that the end itself used."""
    subscription.paid_until = subscription.stop_paid_until = paid_until
    write_end(subscription, subscription.facts_before_the_end, subscription.status, over_at)


def _tell(
    ctx: Context, session: Session, request: EndRequest, subscription: Subscription, *, by_hand: bool, now: datetime
) -> None:
    post = Post.of(ctx, session, request.merchant_id, now=now)
    head, path = post.head_about(request, subscription.customer), notice_facts.proof_path(post.merchant, request)
    end = notice_facts.end_facts(post, head, request, subscription, path=path)
    given = grants.of_subscription(session, subscription)
    effects = notice_facts.effect_facts(session, request, subscription, given, now=now)
    composed = ends.end_dated(head, end, effects, by_hand=by_hand)
    key = f"dated:{request.id}" if by_hand else f"settled:{request.id}"
    post.to_holder(subscription, composed, key=key, request=request)
