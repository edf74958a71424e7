"""From a request and its subscription to the plain facts that messages are written from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.documents import planned_ends as documents
from portal.documents import words
from portal.documents.words import WAY
from portal.domain.dates.end_dates import WaitReason
from portal.domain.ends import comebacks, end_requests
from portal.domain.ends.end_requests import Basis, RequestState
from portal.domain.ends.received_requests import Way, has_hour
from portal.domain.errors import NotAllowed
from portal.domain.law.countries import Function
from portal.domain.merchants.sections import Section, is_shown
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.facts import AccessFacts, EffectFacts, EndFacts, NotifiedFacts, PlannedWords, WaitingFacts
from portal.mail.letterhead import Letterhead, one_line
from portal.models import EndRequest, Grant, Merchant, Provider, ReceivedRequest, Subscription
from portal.queries.access import grants
from portal.queries.ends import askings
from portal.queries.ends import end_requests as stored_ends
from portal.queries.ends.comebacks import Prospect
from portal.queries.people import merchants
from portal.services.comebacks import is_offered, prospect_of
from portal.services.dates import planned_ends
from portal.services.notices.recipients import Post
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


def _planned_words(
    post: Post, head: Letterhead, request: EndRequest, subscription: Subscription
) -> PlannedWords | None:
    """Return what a message says of an end that waits for its day; None of one that waits no more."""
    if not request.is_planned(post.now):
        return None
    given = grants_of(subscription.product, grants.of_subscription(post.session, subscription))
    told = planned_ends.told_of(request, subscription, post.merchant, given=given, now=post.now)
    return documents.planned_words(told, head.formatter) if told is not None else None


def end_facts(post: Post, head: Letterhead, request: EndRequest, subscription: Subscription, *, path: str) -> EndFacts:
    """Return the request as it stands, in the letterhead's language. The staff's internal note is never among it."""
    customer, now = subscription.customer, post.now
    by_customer = request.actor is Actor.CUSTOMER
    told = askings.told_before(post.session, request) if request.answers else None
    return EndFacts(
        reference=request.reference,
        product=subscription.product.name,
        customer_name=customer.name,
        customer_email=customer.email,
        asked_at=request.asked_at,
        asked_by=request.asked_by,
        asked_by_name=request.actor_name if request.is_by_member(subscription) else "",
        has_hour=request.has_hour,
        is_schedule=subscription.is_schedule,
        notified_under=request.notified_reference if request.answers else "",
        price=_price(subscription),
        interval_unit=subscription.interval_unit,
        interval_count=subscription.interval_count,
        next_payment_at=subscription.next_payment_at,
        now=now,
        may_be_charged=subscription.status is not Status.PENDING,
        takes_no_payment=subscription.takes_no_payment,
        is_payment_near=is_payment_near(request, subscription, now=now),
        wished_on=told.wished_on if told else request.wished_on,
        reason=request.reason_text if by_customer else told.comment if told else "",
        reason_label=_reason(post, head, request) if by_customer else "",
        due_at=request.due_at if request.due_at is not None and request.due_at > now else None,
        planned=_planned_words(post, head, request, subscription),
        needs_merchant=request.state is RequestState.NEEDS_MERCHANT,
        trouble=request.trouble,
        path=path,
    )


def _reason(post: Post, head: Letterhead, request: EndRequest) -> str:
    """Return the reason as the merchant's list has it."""
    return words.reason(request.reason_code, post.merchant.leaving_reasons, head.locale, head.words.gettext)


def told_facts(post: Post, head: Letterhead, request: EndRequest, subscription: Subscription) -> EndFacts:
    """Return the request as its customer reads of it: under the reference that they were given."""
    path = proof_path(post.merchant, request)
    return replace(end_facts(post, head, request, subscription, path=path), reference=request.asked_under)


def effect_facts(
    session: Session, request: EndRequest, subscription: Subscription, given: Sequence[Grant], *, now: datetime
) -> EffectFacts:
    """Return what the confirmed end changed; `given`: by hand, of the product."""
    never_started = request.basis is Basis.NEVER_STARTED
    left, prospect = access_left(subscription, given, never_started=never_started), _invited(session, subscription)
    return EffectFacts(
        outcome=request.outcome,
        confirmed_at=request.confirmed_at or now,
        stopped_at=subscription.stopped_at_provider_at,
        ended_at=subscription.ended_at,
        last_payment_at=subscription.last_payment_at,
        was_at_provider=request.asked_by is Actor.PROVIDER,
        never_started=never_started,
        is_withdrawn=subscription.withdrawn_at is not None,
        access_until=left.until,
        is_access_unknown=left.is_unknown,
        kept=left.kept,
        opens=_later(left, now),
        comeback_path=_comeback_path(session, subscription, prospect),
        may_come_back=prospect is not None,
    )


def is_invited(session: Session, subscription: Subscription) -> bool:
    """Say whether a message may lead the customer back to the subscription at all."""
    shown = is_shown(Section.COMEBACKS, merchants.of(session, subscription.merchant_id).hidden_sections)
    return shown and _invited(session, subscription) is not None


def _invited(session: Session, subscription: Subscription) -> Prospect | None:
    """Return what coming back depends on; None where nobody is invited: by all that the customer has."""
    try:
        prospect = prospect_of(session, subscription)
    except NotAllowed:
        return None
    return prospect if comebacks.is_invited(prospect.standing) else None


def _comeback_path(session: Session, subscription: Subscription, prospect: Prospect | None) -> str | None:
    """Return the page where the customer may come back; None where that is not offered."""
    merchant = merchants.of(session, subscription.merchant_id)
    if not is_offered(prospect, merchant):
        return None
    return f"/account/{merchant.slug}/subscriptions/{subscription.id}/comeback"


def access_facts(
    session: Session, merchant: Merchant, subscription: Subscription, *, now: datetime
) -> AccessFacts | None:
    """Return the access that ends, and what stays; None without an end, or when a gift by hand keeps it open longer."""
    until = subscription.access_until
    if until is None:
        return None
    left = access_left(subscription, grants.of_subscription(session, subscription))
    if left.until is None or left.until > until:
        return None
    return AccessFacts(
        product=subscription.product.name,
        customer_name=subscription.customer.name,
        until=until,
        kept=left.kept,
        opens=_later(left, now),
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
        is_schedule=subscription.is_schedule,
        has_hour=request.has_hour,
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
        is_schedule=subscription is not None and subscription.is_schedule,
        is_theirs=subscription is not None,
        is_withdrawal=received.function is Function.WITHDRAWAL,
        is_lost=received.way is Way.NO_LOGIN,
        is_declared=received.way is Way.PUBLIC_FORM,
        planned_on=_planned_on(session, planned, now=now),
        received_at=received.received_at,
        has_hour=has_hour(received.way),
        wished_on=received.wished_on,
        message=received.message,
        recorded_by=received.recorded_by,
        next_payment_at=next_payment_at,
        waits_again=now - received.open_since >= STILL,
        path=f"/admin/received/{received.id}",
    )


def _planned_on(session: Session, request: EndRequest | None, *, now: datetime) -> date | None:
    """Return the day for which an end is planned: the one that was chosen, or the last of what binds."""
    waits = request.planned(now) if request is not None else None
    if request is None or waits is None:
        return None
    if waits.reason is WaitReason.WISH and request.wished_on is not None:
        return request.wished_on
    zone = ZoneInfo(merchants.of(session, request.merchant_id).time_zone)
    return (waits.owed_until - timedelta(microseconds=1)).astimezone(zone).date()


def _later(left: AccessLeft, now: datetime) -> dict[str, datetime]:
    """Return when what is kept opens, where it is still shut: by the name that the message prints."""
    return {one_line(title): since for title, since in left.opens.items() if since > now}


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
