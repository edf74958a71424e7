"""From a request and its subscription to the plain facts that messages are written from."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal.documents import planned_ends as documents
from portal.documents.words import REASON, WAY
from portal.domain import end_requests
from portal.domain.end_requests import Basis, RequestState
from portal.domain.errors import NotAllowed
from portal.domain.money import Money
from portal.domain.policies import Actor
from portal.domain.received_requests import has_hour
from portal.domain.subscriptions import Status, may_invite_back
from portal.i18n import pick_locale
from portal.mail.facts import AccessFacts, EffectFacts, EndFacts, NotifiedFacts, PlannedWords, WaitingFacts
from portal.mail.letterhead import Letterhead
from portal.models import Customer, EndRequest, Merchant, Provider, ReceivedRequest, Subscription
from portal.queries import end_requests as stored_ends
from portal.queries import grants
from portal.services.comebacks import is_offered, prospect_of
from portal.services.context import Context
from portal.services.dates import planned_ends
from portal.services.rules import AccessLeft, access_left, grants_of

STILL: Final = timedelta(hours=1)  # what waits for longer was told before


def proof_path(merchant: Merchant, request: EndRequest) -> str:
    """Return the customer's page of the request, which is also the proof."""
    return f"/account/{merchant.slug}/requests/{request.asked_under}"


def account_path(merchant: Merchant) -> str:
    """Return the customer's account page."""
    return f"/account/{merchant.slug}"


def desk_path(subscription: Subscription) -> str:
    """Return the desk's page of a subscription."""
    return f"/admin/subscriptions/{subscription.id}"


def key_path(provider: Provider) -> str:
    """Return the desk's page of the PayPal key of that kind."""
    return "/admin/paypal/classic" if provider is Provider.PAYPAL_CLASSIC else "/admin/paypal/rest"


def customer_head(ctx: Context, merchant: Merchant, customer: Customer) -> Letterhead:
    """Return the letterhead for a customer: their language, else the merchant's."""
    return letterhead(ctx, merchant, pick_locale(customer.locale, merchant.locale))


def letterhead(ctx: Context, merchant: Merchant, language: str) -> Letterhead:
    """Return the merchant's letterhead in a language."""
    return Letterhead(
        merchant_name=merchant.name,
        support_email=merchant.support_email,
        locale=language,
        time_zone=merchant.time_zone,
        base_url=ctx.base_url,
    )


def planned_words(
    session: Session,
    head: Letterhead,
    merchant: Merchant,
    request: EndRequest,
    subscription: Subscription,
    *,
    now: datetime,
) -> PlannedWords | None:
    """Return what a message says of an end that waits for its day; None of one that waits no more."""
    if not request.is_planned(now):
        return None
    by_hand = grants.of_customer(
        session, subscription.merchant_id, subscription.customer_id, product_id=subscription.product_id
    )
    given = grants_of(subscription.product, by_hand)
    told = planned_ends.told_of(request, subscription, merchant, given=given, now=now)
    return documents.planned_words(told, head.formatter) if told is not None else None


def end_facts(
    request: EndRequest,
    subscription: Subscription,
    *,
    path: str,
    planned: PlannedWords | None = None,
    now: datetime,
) -> EndFacts:
    """Return the request as it stands. The staff's internal note is never among the facts."""
    customer = subscription.customer
    by_customer = request.actor is Actor.CUSTOMER
    return EndFacts(
        reference=request.reference,
        product=subscription.product.name,
        customer_name=customer.name,
        customer_email=customer.email,
        asked_at=request.asked_at,
        asked_by=request.asked_by,
        has_hour=not request.answers or has_hour(request.notified_way),
        notified_under=request.notified_reference if request.answers else "",
        price=_price(subscription),
        interval_unit=subscription.interval_unit,
        interval_count=subscription.interval_count,
        next_payment_at=subscription.next_payment_at,
        now=now,
        may_be_charged=subscription.status is not Status.PENDING,
        takes_no_payment=subscription.takes_no_payment,
        is_payment_near=is_payment_near(request, subscription, now=now),
        reason=request.reason_text if by_customer else "",
        reason_label=REASON.get(request.reason_code, "") if by_customer else "",
        due_at=request.due_at if request.due_at is not None and request.due_at > now else None,
        planned=planned,
        needs_merchant=request.state is RequestState.NEEDS_MERCHANT,
        trouble=request.trouble,
        path=path,
    )


def told_facts(
    request: EndRequest,
    subscription: Subscription,
    merchant: Merchant,
    *,
    planned: PlannedWords | None = None,
    now: datetime,
) -> EndFacts:
    """Return the request as its customer reads of it: under the reference that they were given."""
    path = proof_path(merchant, request)
    return replace(end_facts(request, subscription, path=path, planned=planned, now=now), reference=request.asked_under)


def effect_facts(session: Session, request: EndRequest, subscription: Subscription, *, now: datetime) -> EffectFacts:
    """Return what the confirmed end changed."""
    never_started = request.basis is Basis.NEVER_STARTED
    left = _left(session, subscription, never_started=never_started)
    return EffectFacts(
        outcome=request.outcome,
        confirmed_at=request.confirmed_at or now,
        stopped_at=subscription.stopped_at_provider_at,
        ended_at=subscription.ended_at,
        last_payment_at=subscription.last_payment_at,
        was_at_provider=request.asked_by is Actor.PROVIDER,
        never_started=never_started,
        access_until=left.until,
        is_access_unknown=left.is_unknown,
        kept=left.kept,
        comeback_path=_comeback_path(session, subscription),
        may_come_back=subscription.customer.contact_allowed
        and may_invite_back(subscription.status, relaunch_allowed=subscription.relaunch_allowed),
    )


def _comeback_path(session: Session, subscription: Subscription) -> str | None:
    """Return the page where the customer may come back; None where that is not offered."""
    try:
        prospect = prospect_of(session, subscription)
    except NotAllowed:
        return None
    if not is_offered(prospect):
        return None
    merchant = session.get_one(Merchant, subscription.merchant_id)
    return f"/account/{merchant.slug}/subscriptions/{subscription.id}/comeback"


def access_facts(
    session: Session, merchant: Merchant, subscription: Subscription, until: datetime
) -> AccessFacts | None:
    """Return the access that ends at `until`, and what stays; None when a gift by hand keeps it open longer."""
    left = _left(session, subscription)
    if left.until is None or left.until > until:
        return None
    return AccessFacts(
        product=subscription.product.name,
        customer_name=subscription.customer.name,
        until=until,
        kept=left.kept,
        path=account_path(merchant),
    )


def waiting_facts(request: EndRequest) -> WaitingFacts:
    """Return one line of the merchant's list of what waits."""
    subscription = request.subscription
    return WaitingFacts(
        reference=request.reference,
        product=subscription.product.name,
        customer=subscription.customer.name or subscription.customer.email or "",
        asked_at=request.asked_at,
        next_payment_at=subscription.next_payment_at,
        trouble=request.trouble,
        issue=str((request.answer or {}).get("issue") or ""),
    )


def notified_facts(
    session: Session, received: ReceivedRequest, next_payment_at: datetime | None, *, now: datetime
) -> NotifiedFacts:
    """Return what a customer asked by another way; its subscription, where it names one, is loaded."""
    subscription = received.subscription
    planned = stored_ends.open_of(session, subscription.id) if subscription is not None else None
    return NotifiedFacts(
        reference=received.reference,
        name=received.name,
        email=received.email,
        contract=received.contract,
        product=subscription.product.name if subscription is not None else "",
        way_label=WAY[received.way],
        is_theirs=subscription is not None,
        planned_on=planned.wished_on if planned is not None and planned.is_planned(now) else None,
        received_at=received.received_at,
        has_hour=has_hour(received.way),
        wished_on=received.wished_on,
        message=received.message,
        recorded_by=received.recorded_by,
        next_payment_at=next_payment_at,
        waits_again=now - received.open_since >= STILL,
        path=f"/admin/received/{received.id}",
    )


def _left(session: Session, subscription: Subscription, *, never_started: bool = False) -> AccessLeft:
    given = grants.of_customer(
        session, subscription.merchant_id, subscription.customer_id, product_id=subscription.product_id
    )
    return access_left(subscription, given, never_started=never_started)


def _price(subscription: Subscription) -> Money | None:
    if subscription.amount is None or subscription.currency is None:
        return None
    return Money(subscription.amount, subscription.currency)


def is_payment_near(request: EndRequest, subscription: Subscription, *, now: datetime) -> bool:
    """Say whether the customer needs PayPal's own page: a payment within 72 h, or at a date nobody knows."""
    if request.due_at is not None and request.due_at > now:
        return False  # the payments before that day are owed
    if subscription.next_payment_at is None:
        return subscription.status in (Status.ACTIVE, Status.PAST_DUE) and not subscription.takes_no_payment
    return subscription.status is not Status.PENDING and end_requests.is_payment_near(subscription.next_payment_at, now)
