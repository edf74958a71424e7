"""Requests to end that came by other ways: written down and acknowledged at once, open until somebody settles them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, Act, By
from portal.domain.ends.end_requests import Channel, new_reference
from portal.domain.ends.received_requests import AlreadySettled, ReceivedState, Way, has_hour
from portal.domain.law.countries import Function
from portal.domain.people import email_addresses
from portal.domain.policies import Actor
from portal.mail import ends
from portal.mail.composing import Composed
from portal.mail.facts import ReceivedFacts
from portal.mail.letterhead import Letterhead
from portal.models import (
    Customer,
    ReceivedRequest,
    Subscription,
    TimelineKind,
)
from portal.queries.ends import end_requests
from portal.queries.ends import received_requests as stored
from portal.queries.law import declarations, likely_subscriptions
from portal.queries.people import account_members, merchants
from portal.services import languages
from portal.services.audit import audit, timeline
from portal.services.context import Context
from portal.services.inbox import received_reminders
from portal.services.notices import merchant_news, notice_facts
from portal.services.notices.recipients import Post

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What somebody declared, and how and when it came."""

    merchant_id: uuid.UUID
    received_at: datetime
    way: Way
    name: str
    email: str | None
    contract: str = ""
    wished_on: date | None = None
    message: str = ""
    recorded_by: str = ""  # a staff member's name
    subscription_id: uuid.UUID | None = None  # said by the customer's own page
    function: Function = Function.CANCELLATION
    sent_on: date | None = None  # of a withdrawal that came by letter
    by: By = PORTAL
    suggested_subscription_id: uuid.UUID | None = None  # of the number that they gave; they may mean another one
    is_acknowledged: bool = True  # not while somebody has the portal write to very many
    is_told: bool = True  # the merchant; not while it may be carried out without them


def record(ctx: Context, declaration: Declaration, *, now: datetime) -> ReceivedRequest:
    """Write it down, acknowledge it by mail when there is an address, and tell the merchant, in one transaction."""
    with ctx.db.begin() as session:
        received = write(ctx, session, declaration, now=now)
    log.info("received_request_recorded", received_request_id=str(received.id), way=received.way)
    return received


def write(ctx: Context, session: Session, declaration: Declaration, *, now: datetime) -> ReceivedRequest:
    """As `record`, in the session's transaction. The subscription that it names, if any, is locked."""
    received = ReceivedRequest(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=declaration.merchant_id,
        reference=new_reference(),
        received_at=min(declaration.received_at, now),
        way=declaration.way,
        name=declaration.name,
        email=email_addresses.normal(declaration.email) if declaration.email else None,
        function=declaration.function,
        sent_on=declaration.sent_on,
        contract=declaration.contract,
        wished_on=declaration.wished_on,
        message=declaration.message,
        recorded_by=declaration.recorded_by,
        subscription_id=declaration.subscription_id,
        suggested_subscription_id=declaration.suggested_subscription_id,
        open_since=now,
    )
    session.add(received)
    session.flush()
    if received.subscription_id is not None:
        subscription = session.get_one(Subscription, received.subscription_id)
        stand_in(session, received, subscription, by=declaration.by)
    if received.way is not Way.ACCOUNT_PAGE:  # the chain has that one already, as a fact of its subscription
        _append(session, received, Act.RECEIVED_RECORDED, by=declaration.by, now=now)
    if declaration.is_acknowledged:
        key = f"received:{received.id}"
        _tell(ctx, session, received, ends.request_received, key=key, by=declaration.by, now=now)
    if declaration.is_told:
        received_reminders.tell_at_once(ctx, session, received, known_to=declaration.by.actor_id, now=now)
    return received


def tell_added(
    ctx: Context,
    session: Session,
    received: ReceivedRequest,
    subscription: Subscription,
    words: str,
    *,
    by: By = PORTAL,
    now: datetime,
) -> None:
    """Show, acknowledge and tell the merchant what was added to a request on the customer's page; it is locked."""
    key = f"{received.id}:{now.isoformat()}"
    _note(session, received, subscription, key=key, at=now, words=words, by=by)
    _tell(ctx, session, received, ends.request_received, key=f"received:{key}", now=now)
    received_reminders.tell(ctx, session, received, [f"added:{now.isoformat()}"], now=now)


def tell_added_by_stranger(ctx: Context, session: Session, received: ReceivedRequest, *, now: datetime) -> None:
    """Tell the merchant what somebody who could not log in has added; it is locked, and acknowledged already."""
    received_reminders.tell(ctx, session, received, [f"added:{now.isoformat()}"], now=now)


def stand_in(session: Session, received: ReceivedRequest, subscription: Subscription, *, by: By = PORTAL) -> None:
    """Let the subscription, which is locked, show that its end was asked for: once in its timeline, among its dates."""
    asked = subscription.end_requested_at
    subscription.end_requested_at = min(asked, received.received_at) if asked is not None else received.received_at
    key, words = str(received.id), received.message
    _note(session, received, subscription, key=key, at=received.received_at, words=words, by=by)


def _note(
    session: Session,
    received: ReceivedRequest,
    subscription: Subscription,
    *,
    key: str,
    at: datetime,
    words: str,
    by: By = PORTAL,
) -> None:
    if received.function is Function.WITHDRAWAL:
        return  # the withdrawal is an entry of its own
    is_own = received.way is Way.ACCOUNT_PAGE
    sender = by.actor_id if by.actor is Actor.CUSTOMER and by.actor_id else subscription.customer_id
    timeline.note(
        session,
        subscription,
        TimelineKind.NOTIFIED,
        key=key,
        at=at,
        by=By(
            actor=Actor.CUSTOMER,
            actor_id=sender if is_own else None,
            channel=(by.channel or Channel.PORTAL) if is_own else None,
            name=received.name,
        ),
        reference=received.reference,
        way=received.way.value,
        note=words,
        **({"wished_on": received.wished_on.isoformat()} if received.wished_on is not None else {}),
    )


def dismiss(
    ctx: Context,
    merchant_id: uuid.UUID,
    received_id: uuid.UUID,
    *,
    reason: str,
    by: str,
    by_id: uuid.UUID | None = None,
    is_told: bool = True,
    now: datetime,
) -> None:
    """Settle it without an end, for a reason that stays here, and tell whoever asked that nothing was ended by it.

    What has ended since is said to have: « nothing was changed » would have them ask again.

    `is_told`: not of what nobody meant, as a flood of strangers' words.

    Raises NoResultFound, AlreadySettled.
    """
    acting = By(actor=Actor.STAFF, actor_id=by_id, channel=Channel.STAFF, name=by)
    with ctx.db.begin() as session:
        subscription = stored.lock_subscription(session, merchant_id, received_id)
        received = stored.lock(session, merchant_id, received_id)
        if not received.is_open:
            raise AlreadySettled
        over_on = _over_on(session, received)
        close_held(ctx, session, received, subscription, reason=reason, by=acting, now=now)
        if is_told:
            key = f"dismissed:{received.id}"
            _tell(ctx, session, received, ends.request_dismissed, key=key, over_on=over_on, now=now)


def _over_on(session: Session, received: ReceivedRequest) -> date | None:
    """Return the day on which all that it may be about had stopped, if that came with it or afterwards.

    None where whoever is written to has not had it: an address that was typed learns nothing of somebody's contract.
    """
    address = _address(stored.notifier(session, received), received)
    over = likely_subscriptions.own_over_since(session, received, address) if address else None
    if over is None or received.way is Way.NO_LOGIN:
        return None
    zone = ZoneInfo(merchants.of(session, received.merchant_id).time_zone)
    day = over.astimezone(zone).date()
    return day if day >= received.received_at.astimezone(zone).date() else None


def _address(customer: Customer | None, received: ReceivedRequest) -> str | None:
    """Return where it is written to: who is known, at the address that they have now."""
    return customer.email if customer is not None else received.email


def close_held(
    ctx: Context,
    session: Session,
    received: ReceivedRequest,
    subscription: Subscription | None,
    *,
    reason: str,
    by: By,
    now: datetime,
) -> None:
    """As `dismiss`, of one that is open, whose lock and that of the subscription are held; nobody is written to.

    `subscription`: the one that it names; None where it names none.
    """
    received.state, received.dismissal = ReceivedState.DISMISSED, reason
    received.settled_at, received.settled_by = now, by.name
    received.suggested_subscription_id = None
    _append(session, received, Act.RECEIVED_DISMISSED, by=by, now=now)
    merchant_news.drop(Post.of(ctx, session, received.merchant_id, now=now), received)
    if subscription is not None:
        _stand_no_more(session, received, subscription, by=by, now=now)


def _stand_no_more(
    session: Session, received: ReceivedRequest, subscription: Subscription, *, by: By, now: datetime
) -> None:
    """Let the subscription show that a notification was closed: its end is asked for by others alone, or by nobody."""
    session.flush()
    others = [one.received_at for one in stored.lock_open(session, subscription.id)]
    standing = end_requests.open_of(session, subscription.id)
    subscription.end_requested_at = min([*others, *([standing.asked_at] if standing else [])], default=None)
    timeline.note(
        session,
        subscription,
        TimelineKind.NOTIFICATION_CLOSED,
        key=str(received.id),
        at=now,
        by=by,
        reference=received.reference,
    )


def _append(session: Session, received: ReceivedRequest, act: Act, *, by: By, now: datetime) -> None:
    about, way = ("received_request", received.id), received.way.value
    audit.append(
        session, received.merchant_id, act, by=by, at=now, subject=about, reference=received.reference, way=way
    )


def _tell(
    ctx: Context,
    session: Session,
    received: ReceivedRequest,
    compose: Callable[[Letterhead, ReceivedFacts], Composed],
    *,
    key: str,
    by: By = PORTAL,
    over_on: date | None = None,
    now: datetime,
) -> None:
    """Acknowledge it at the address on file, and to who of the account's people has sent it."""
    customer = stored.notifier(session, received)
    address = _address(customer, received)
    if not address:
        return
    post = Post.of(ctx, session, received.merchant_id, now=now)
    declared = declarations.of_received(session, received.id) if received.way is Way.PUBLIC_FORM else None
    language = languages.of_declaration(declared, customer, post.merchant)
    facts = ReceivedFacts(
        reference=received.reference,
        name=received.name,
        email=address,
        received_at=received.received_at,
        has_hour=has_hour(received.way),
        contract=received.contract,
        wished_on=received.wished_on,
        message=received.message,
        is_theirs=received.subscription_id is not None,
        is_lost=received.way is Way.NO_LOGIN,
        is_withdrawal=received.function is Function.WITHDRAWAL,
        path=notice_facts.account_path(post.merchant),
        over_on=over_on,
    )
    composed = compose(post.letterhead(language), facts)
    post.put(composed, key=key, recipient=address, language=language, customer=customer)
    member = account_members.active(session, by.actor_id) if by.actor is Actor.CUSTOMER else None
    if member is not None:
        post.put(composed, key=f"{key}:{member.id}", recipient=member.email, language=language, customer=customer)
