"""The one door: whoever learns something from PayPal ends here, so that one end gives one entry and one mail.

The web, the worker, the import and later the webhook and the nightly comparison all call
`record_reading` or `record_end` with the subscription locked (cancellation.md, rule 4).
"""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from portal.domain.access import preview_end
from portal.domain.end_requests import Basis, Channel, RequestState, new_reference
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status, status_from_provider
from portal.models import EndRequest, Merchant, Subscription, TimelineKind
from portal.providers.ports import Reading
from portal.queries import end_requests
from portal.services import notices, timeline
from portal.services.context import Context
from portal.services.provider_facts import is_over, take_over
from portal.services.rules import rule_of

log = structlog.get_logger(__name__)


def record_reading(
    ctx: Context, session: Session, subscription: Subscription, reading: Reading, *, now: datetime
) -> None:
    """Take over what PayPal shows: facts always, a living state or an end by domain.md's table.

    A late or repeated word never revives an ended subscription; a word nobody has seen changes nothing.
    """
    if subscription.is_over:
        _after_the_end(subscription, reading, now=now)
        return
    take_over(subscription, reading, now=now)
    seen = status_from_provider(reading.status, failed_payments=reading.failed_payments)
    if seen is None:
        log.warning("paypal_word_unknown", subscription_id=str(subscription.id), word=reading.status[:40])
        timeline.note(session, subscription, TimelineKind.UNKNOWN_WORD, key=reading.status, at=now, word=reading.status)
    elif is_over(reading):
        request = end_requests.open_of(session, subscription.id)
        basis = Basis.READ_AFTER_CALL if request is not None and request.sent_at else Basis.ALREADY_OVER
        request = request or _seen_at_provider(session, subscription, seen, now=now)
        record_end(ctx, session, request, subscription, basis=basis, reading=reading, now=now)
    elif subscription.follow(seen, at=reading.status_at or now):
        timeline.note(
            session,
            subscription,
            TimelineKind.STATUS_SEEN,
            key=f"{seen}:{reading.status_at or now}",
            at=reading.status_at or now,
            actor=Actor.PROVIDER,
            status=seen,
        )


def record_end(
    ctx: Context,
    session: Session,
    request: EndRequest,
    subscription: Subscription,
    *,
    basis: Basis,
    reading: Reading,
    now: datetime,
) -> None:
    """Write the end that PayPal's read has shown: subscription, request, timeline and mail, in one transaction."""
    preview = preview_end(subscription.facts, rule_of(subscription.product), request.outcome, now)
    subscription.end(preview.after, access_until=preview.access_until)
    subscription.end_requested_at = subscription.end_requested_at or request.created_at
    if basis is not Basis.NEVER_STARTED:
        subscription.stopped_at_provider_at = reading.status_at or now
    request.move(RequestState.CONFIRMED)
    request.confirmed_at = now
    request.basis = basis
    request.trouble = None
    request.next_try_at = None
    timeline.note(
        session,
        subscription,
        TimelineKind.ENDED,
        key=str(request.id),
        at=now,
        actor=request.actor,
        actor_name=request.actor_name,
        channel=request.channel,
        outcome=request.outcome,
        basis=basis,
        reference=request.reference,
    )
    merchant = session.get_one(Merchant, subscription.merchant_id)
    notices.end_confirmed(ctx, session, request, merchant, now=now)
    log.info("end_confirmed", request_id=str(request.id), subscription_id=str(subscription.id), basis=basis)


def _seen_at_provider(session: Session, subscription: Subscription, seen: Status, *, now: datetime) -> EndRequest:
    """Make the row of an end that nobody asked for here: the buyer did it at PayPal, or the plan expired."""
    request = EndRequest(
        merchant_id=subscription.merchant_id,
        subscription=subscription,
        reference=new_reference(),
        state=RequestState.RECORDED,
        outcome=seen,
        actor=Actor.PROVIDER,
        channel=Channel.PROVIDER,
        shown={},
        created_at=now,
    )
    session.add(request)
    session.flush()
    return request


def _after_the_end(subscription: Subscription, reading: Reading, *, now: datetime) -> None:
    """An ended subscription stays over; that PayPal still shows it live is said loudly, never hidden."""
    subscription.provider_read_at = now
    if is_over(reading):
        take_over(subscription, reading, now=now)
        subscription.stopped_at_provider_at = subscription.stopped_at_provider_at or reading.status_at or now
        return
    log.warning(
        "paypal_live_after_end",
        subscription_id=str(subscription.id),
        word=reading.status[:40],
        at=str(reading.status_at),
    )
