"""An end answers what its customer had asked by another way: it settles that, and takes over when it was asked."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import Cause, Channel, RequestState
from portal.domain.ends.received_requests import AlreadySettled, ReceivedState, Way
from portal.domain.errors import Denial, NotAllowed
from portal.domain.law.countries import Function
from portal.domain.law.declarations import Carrying
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EndRequest, ReceivedRequest, Subscription
from portal.queries import subscriptions
from portal.queries.ends import end_requests
from portal.queries.ends import received_requests as stored
from portal.queries.law import declarations
from portal.services.context import Context
from portal.services.inbox import received_requests
from portal.services.notices import merchant_news
from portal.services.notices.recipients import Post


def settle_notified(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """An end of the subscription is asked for, or was seen: it answers what its customer had notified.

    The subscription's lock is held.
    """
    settle(ctx, session, stored.open_under_lock(session, request.subscription_id), request, now=now)


def settle(
    ctx: Context, session: Session, notified: Iterable[ReceivedRequest], request: EndRequest, *, now: datetime
) -> None:
    """Let an end answer what its customer had notified, each of them locked and open.

    A withdrawal wants more than an end: another one does not answer it.  Nor does any answer a form of which nobody has
    said that it is this person's: its day would be that of a stranger.  Staff say it, or the mailbox on file.
    """
    for received in notified:
        if received.function is Function.WITHDRAWAL and request.cause is not Cause.WITHDRAWN:
            continue
        if not _is_known(session, received, request):
            received.open_since = now  # from now on it is the merchant's: nothing of it is carried out by itself
            if received.subscription_id is None:
                received.suggested_subscription_id = request.subscription_id
            continue
        match(ctx, session, received.merchant_id, received.id, request, by=request.actor_name or "PayPal", now=now)


def _is_known(session: Session, received: ReceivedRequest, request: EndRequest) -> bool:
    """Say whether it is this person's: of a public form the mailbox on file has said so, or it was given a day to deny
    as that was whose end this is.
    """
    declared = declarations.of_received(session, received.id) if received.way is Way.PUBLIC_FORM else None
    if declared is None or declared.confirmed_at is not None:
        return True
    return declared.carrying is Carrying.AFTER_DELAY and request.channel is Channel.PUBLIC_PAGE


def match(
    ctx: Context,
    session: Session,
    merchant_id: uuid.UUID,
    received_id: uuid.UUID,
    request: EndRequest,
    *,
    by: str,
    now: datetime,
) -> None:
    """Let a request to end stand for it, in the transaction that records that request; both locks are held.

    Asked for before, the end is the customer's: it says when and under which reference, and is *cancelled*
    (product.md, decision 7).  Raises NoResultFound, AlreadySettled when somebody has settled it meanwhile, and
    NotAllowed(NAMES_ANOTHER).
    """
    received = stored.lock(session, merchant_id, received_id)
    if received.end_request_id == request.id and received.state is ReceivedState.MATCHED:
        return
    if not received.is_open:
        raise AlreadySettled
    if not received.may_be_about(request.subscription_id):
        raise NotAllowed(Denial.NAMES_ANOTHER)
    received.state = ReceivedState.MATCHED
    received.end_request_id, received.suggested_subscription_id = request.id, None
    received.settled_at, received.settled_by = now, by
    merchant_news.drop(Post.of(ctx, session, merchant_id, now=now), received)
    if received.received_at <= request.created_at:
        received_requests.stand_in(session, received, session.get_one(Subscription, request.subscription_id))
        _make_theirs(request, received)


def _make_theirs(request: EndRequest, received: ReceivedRequest) -> None:
    """Write into an end whose wish it carries out: the first, where it answers several."""
    if request.notified_at is not None and request.notified_at <= received.received_at:
        return
    request.notified_at, request.notified_reference = received.received_at, received.reference
    request.notified_way = received.way
    if request.is_open:
        request.outcome = Status.CANCELLED


def match_standing(
    ctx: Context,
    merchant_id: uuid.UUID,
    received_id: uuid.UUID,
    subscription_id: uuid.UUID,
    *,
    by: str,
    now: datetime,
) -> bool:
    """Link it to the end of that subscription which was asked for already; False when there is none.

    A plan of staff answers none by itself, a customer's own only one that names its day: whoever may want to stop
    before is for staff to decide.
    Raises NoResultFound, AlreadySettled, NotAllowed(NAMES_ANOTHER).
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, merchant_id, subscription_id)
        return match_held(ctx, session, subscription, received_id, by=by, now=now)


def match_held(
    ctx: Context, session: Session, subscription: Subscription, received_id: uuid.UUID, *, by: str, now: datetime
) -> bool:
    """As `match_standing`, in the transaction that holds the subscription's lock."""
    merchant_id = subscription.merchant_id
    requests = end_requests.all_of_subscription(session, subscription.id)
    standing = next((row for row in requests if row.state is not RequestState.WITHDRAWN), None)
    if standing is None:
        return False
    received = stored.of_merchant(session, merchant_id, received_id)
    if standing.is_planned(now) and (standing.actor is Actor.STAFF or standing.wished_on != received.wished_on):
        return False
    match(ctx, session, merchant_id, received_id, end_requests.lock(session, standing.id), by=by, now=now)
    return True


def open_again(received: ReceivedRequest, *, now: datetime) -> None:
    """What had answered it does so no more: it waits anew. It is locked."""
    received.state, received.end_request_id = ReceivedState.OPEN, None
    received.settled_at, received.settled_by = None, ""
    received.open_since = now


def reopen(session: Session, request: EndRequest, subscription: Subscription, *, now: datetime) -> list[uuid.UUID]:
    """The request to end was taken back: whoever had asked by another way still waits. Return which ones."""
    reopened = stored.lock_matched(session, request.id)
    for received in reopened:
        open_again(received, now=now)
        if received.subscription_id is None:  # staff had found it: they need not look for it again
            received.suggested_subscription_id = subscription.id
    request.notified_at, request.notified_reference, request.notified_way = None, "", None
    session.flush()
    waiting = [*reopened, *stored.lock_open(session, subscription.id)]
    subscription.end_requested_at = min((one.received_at for one in waiting), default=None)
    return [received.id for received in reopened]
