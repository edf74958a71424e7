"""Requests to end that came by other ways: written down and acknowledged at once, open until somebody settles them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from sqlalchemy.orm import Session

from portal.domain import email_addresses
from portal.domain.audit import PORTAL, Act, By
from portal.domain.end_requests import Channel, RequestState, new_reference
from portal.domain.policies import Actor
from portal.domain.received_requests import AlreadySettled, ReceivedState, Way
from portal.i18n import pick_locale
from portal.mail import ends
from portal.mail.composing import Composed
from portal.mail.facts import ReceivedFacts
from portal.mail.letterhead import Letterhead
from portal.models import Customer, EndRequest, Merchant, Product, ReceivedRequest, Subscription
from portal.queries import end_requests, subscriptions
from portal.queries import received_requests as stored
from portal.services import audit, notice_facts, outbox
from portal.services.context import Context

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
    by: By = PORTAL


def record(ctx: Context, declaration: Declaration, *, now: datetime) -> ReceivedRequest:
    """Write it down, and acknowledge it by mail when there is an address, in one transaction."""
    with ctx.db.begin() as session:
        received = _write(ctx, session, declaration, now=now)
    log.info("received_request_recorded", received_request_id=str(received.id), way=received.way)
    return received


def _write(
    ctx: Context, session: Session, declaration: Declaration, *, locale: str | None = None, now: datetime
) -> ReceivedRequest:
    received = ReceivedRequest(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=declaration.merchant_id,
        reference=new_reference(),
        received_at=min(declaration.received_at, now),
        way=declaration.way,
        name=declaration.name,
        email=email_addresses.normal(declaration.email) if declaration.email else None,
        contract=declaration.contract,
        wished_on=declaration.wished_on,
        message=declaration.message,
        recorded_by=declaration.recorded_by,
        subscription_id=declaration.subscription_id,
    )
    session.add(received)
    session.flush()
    _append(session, received, Act.RECEIVED_RECORDED, by=declaration.by, now=now)
    _tell(ctx, session, received, ends.request_received, key=f"received:{received.id}", locale=locale, now=now)
    return received


@dataclass(frozen=True, kw_only=True)
class Notification:
    """What a customer notifies on their own page: nothing but the subscription is needed."""

    merchant_id: uuid.UUID
    customer_id: uuid.UUID
    subscription_id: uuid.UUID
    wished_on: date | None = None
    message: str = ""


def notify(ctx: Context, notification: Notification, *, now: datetime) -> ReceivedRequest | None:
    """Write a customer's notification down, dated and acknowledged; while one is open, that one stands.

    None when the subscription is over, or its end is asked for already.  Raises NoResultFound for what is not theirs.
    """
    with ctx.db.begin() as session:
        merchant_id, customer_id = notification.merchant_id, notification.customer_id
        subscriptions.of_customer(session, merchant_id, customer_id, notification.subscription_id)
        subscription = subscriptions.lock(session, merchant_id, notification.subscription_id)
        standing = stored.lock_open(session, subscription.id)
        if standing:
            return standing[0]
        if subscription.is_over or end_requests.open_of(session, subscription.id) is not None:
            return None
        return _write_own(ctx, session, subscription, notification, now=now)


def stand_behind(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    planned: EndRequest,
    notification: Notification,
    *,
    now: datetime,
) -> ReceivedRequest:
    """Write down that a customer wishes the end that staff have planned, for that day or a later one.

    It is acknowledged, and open again should staff take their plan back: nobody who asked to stop is forgotten.
    A second click finds the first one's.  The subscription's lock is held.
    """
    known = stored.lock_matched(session, planned.id)
    own = next((one for one in known if one.way is Way.ACCOUNT_PAGE), None)
    if own is None:
        own = _write_own(ctx, session, subscription, notification, now=now)
        match(session, planned.merchant_id, own.id, planned, by=planned.actor_name, now=now)
    return own


def _write_own(
    ctx: Context, session: Session, subscription: Subscription, notification: Notification, *, now: datetime
) -> ReceivedRequest:
    """Write what a customer notifies of a subscription of theirs."""
    customer = session.get_one(Customer, notification.customer_id)
    product = session.get_one(Product, subscription.product_id)
    declaration = Declaration(
        merchant_id=notification.merchant_id,
        received_at=now,
        way=Way.ACCOUNT_PAGE,
        name=customer.name or customer.email or subscription.provider_id,
        email=customer.email,
        contract=f"{product.name} {subscription.provider_id}".strip(),
        wished_on=notification.wished_on,
        message=notification.message,
        subscription_id=subscription.id,
        by=By(actor=Actor.CUSTOMER, actor_id=customer.id, channel=Channel.PORTAL),
    )
    return _write(ctx, session, declaration, locale=customer.locale, now=now)


def settle_notified(session: Session, request: EndRequest, *, now: datetime) -> None:
    """An end of the subscription is asked for, or was seen: it answers what its customer had notified.

    The subscription's lock is held.
    """
    for received in stored.lock_open(session, request.subscription_id):
        match(session, received.merchant_id, received.id, request, by=request.actor_name or "PayPal", now=now)


def match(
    session: Session, merchant_id: uuid.UUID, received_id: uuid.UUID, request: EndRequest, *, by: str, now: datetime
) -> None:
    """Let a request to end stand for it, in the transaction that records that request.

    Raises NoResultFound, and AlreadySettled when somebody has settled it otherwise meanwhile.
    """
    received = stored.lock(session, merchant_id, received_id)
    if received.end_request_id == request.id and received.state is ReceivedState.MATCHED:
        return
    if not received.is_open:
        raise AlreadySettled
    received.state = ReceivedState.MATCHED
    received.end_request_id = request.id
    received.settled_at, received.settled_by = now, by


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

    One that staff planned for a later day answers nobody who may want to stop before: that is for staff to decide.
    Raises NoResultFound, AlreadySettled.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, merchant_id, subscription_id)
        requests = end_requests.all_of_subscription(session, subscription.id)
        standing = next((row for row in requests if row.state is not RequestState.WITHDRAWN), None)
        if standing is None or (standing.actor is Actor.STAFF and standing.is_planned(now)):
            return False
        match(session, merchant_id, received_id, standing, by=by, now=now)
    return True


def dismiss(
    ctx: Context,
    merchant_id: uuid.UUID,
    received_id: uuid.UUID,
    *,
    reason: str,
    by: str,
    by_id: uuid.UUID | None = None,
    now: datetime,
) -> None:
    """Settle it without an end, for a reason that stays here, and tell whoever asked that nothing was ended.

    Raises NoResultFound, AlreadySettled.
    """
    with ctx.db.begin() as session:
        received = stored.lock(session, merchant_id, received_id)
        if not received.is_open:
            raise AlreadySettled
        received.state, received.dismissal = ReceivedState.DISMISSED, reason
        received.settled_at, received.settled_by = now, by
        acting = By(actor=Actor.STAFF, actor_id=by_id, channel=Channel.STAFF)
        _append(session, received, Act.RECEIVED_DISMISSED, by=acting, now=now)
        locale = stored.locale_of(session, received)
        _tell(ctx, session, received, ends.request_dismissed, key=f"dismissed:{received.id}", locale=locale, now=now)


def reopen(session: Session, request: EndRequest) -> list[uuid.UUID]:
    """The request to end was taken back: whoever had asked by another way still waits. Return which ones."""
    reopened = stored.lock_matched(session, request.id)
    for received in reopened:
        received.state, received.end_request_id = ReceivedState.OPEN, None
        received.settled_at, received.settled_by = None, ""
    return [received.id for received in reopened]


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
    locale: str | None,
    now: datetime,
) -> None:
    if not received.email:
        return
    merchant = session.get_one(Merchant, received.merchant_id)
    language = pick_locale(locale, merchant.locale)
    facts = ReceivedFacts(
        reference=received.reference,
        name=received.name,
        email=received.email,
        received_at=received.received_at,
        contract=received.contract,
        wished_on=received.wished_on,
        message=received.message,
        is_theirs=received.subscription_id is not None,
        path=notice_facts.account_path(merchant),
    )
    outbox.put(
        ctx,
        session,
        compose(notice_facts.letterhead(ctx, merchant, language), facts),
        merchant_id=merchant.id,
        key=key,
        recipient=received.email,
        language=language,
        now=now,
    )
