"""Which facts of a subscription's timeline, and which acts on a customer, are events for other systems.

Both stand once (timeline, audit chain), so the event that is written beside them does too.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act
from portal.domain.integrations.outgoing_events import EventType
from portal.domain.integrations.public_ids import Kind, public
from portal.domain.subscriptions import Status
from portal.models import Subscription, TimelineKind
from portal.services.outgoing_access import mark, mark_all
from portal.services.outgoing_events import Told, tell
from portal.services.resources import moment

# So far back a subscription that is new here is news; an older one was imported, and is no event.
NEWS: Final = timedelta(days=3)
OF_TIMELINE: Final[Mapping[TimelineKind, EventType]] = {
    TimelineKind.END_REQUESTED: EventType.SUBSCRIPTION_END_REQUESTED,
    TimelineKind.END_WITHDRAWN: EventType.SUBSCRIPTION_UPDATED,
    TimelineKind.NEEDS_MERCHANT: EventType.REQUEST_NEEDS_MERCHANT,
    TimelineKind.ENDED: EventType.SUBSCRIPTION_ENDED,
    TimelineKind.MARKED_ABANDONED: EventType.SUBSCRIPTION_UPDATED,
    TimelineKind.DATE_GIVEN: EventType.SUBSCRIPTION_UPDATED,
    TimelineKind.PAUSED: EventType.SUBSCRIPTION_PAUSED,
    TimelineKind.RESUMED: EventType.SUBSCRIPTION_RESUMED,
}
OF_STATUS: Final[Mapping[Status, EventType]] = {
    Status.PAUSED: EventType.SUBSCRIPTION_PAUSED,
    Status.PAST_DUE: EventType.SUBSCRIPTION_PAYMENT_FAILED,
}
OF_ACTS: Final[Mapping[str, EventType]] = {
    Act.CUSTOMER_CHANGED: EventType.CUSTOMER_UPDATED,
    Act.ADDRESS_CHANGED: EventType.CUSTOMER_UPDATED,
    Act.CUSTOMERS_JOINED: EventType.CUSTOMER_UPDATED,
    Act.CUSTOMERS_SPLIT: EventType.CUSTOMER_UPDATED,
    Act.CUSTOMER_ERASED: EventType.CUSTOMER_ERASED,
}

# What may change which products a customer opens: an erasure takes what was given by hand.
ON_CUSTOMERS: Final = frozenset(
    {
        Act.GRANT_GIVEN,
        Act.GRANT_CHANGED,
        Act.GRANT_WITHDRAWN,
        Act.CUSTOMERS_JOINED,
        Act.CUSTOMERS_SPLIT,
        Act.CUSTOMER_ERASED,
    }
)
ON_PRODUCTS: Final = frozenset({Act.PRODUCT_CHANGED, Act.PLAN_MOVED})


def of_timeline(
    session: Session,
    subscription: Subscription,
    kind: TimelineKind,
    key: str,
    *,
    at: datetime,
    details: Mapping[str, Any],
) -> None:
    """Tell of a new entry, if it is an event; `key` is the entry's own."""
    mark(session, subscription, now=at)
    event_type = _type_of(subscription, kind, details, at=at)
    if event_type is None:
        return
    told = Told(
        type=event_type,
        key=f"{subscription.id}:{kind}:{key}",
        subject=_subject(subscription, kind, key, details),
        at=_moment(subscription, kind, at=at),
        facts=_facts(subscription, kind, details),
    )
    tell(session, subscription.merchant_id, told, now=at, of=subscription)


Terms = tuple[object, ...]


def terms_of(subscription: Subscription) -> Terms:
    """Return what was agreed on, as far as PayPal can change it: price and rhythm."""
    return subscription.amount, subscription.currency, subscription.interval_unit, subscription.interval_count


def of_terms(session: Session, subscription: Subscription, before: Terms, *, now: datetime) -> None:
    """Tell that PayPal shows another price or rhythm; one that was not known before is no change."""
    if before != terms_of(subscription) and None not in before:
        told = Told(
            type=EventType.SUBSCRIPTION_UPDATED,
            key=f"{subscription.id}:terms:{now.isoformat()}",
            subject=(Kind.SUBSCRIPTION, subscription.id),
            at=now,
            facts={"customer": public(Kind.CUSTOMER, subscription.customer_id)},
        )
        tell(session, subscription.merchant_id, told, now=now, of=subscription)


def of_act(
    session: Session,
    merchant_id: uuid.UUID,
    act: str,
    subject: tuple[str, uuid.UUID],
    at: datetime,
    details: Mapping[str, Any],
) -> None:
    """Tell of an act on a customer, if it is an event; one that may change what is open is marked."""
    kind, subject_id = subject
    if act in ON_CUSTOMERS:
        other = details.get("other")
        both = [subject_id, *([uuid.UUID(other)] if other else [])]
        mark_all(session, merchant_id, customers=both, now=at)
    elif act in ON_PRODUCTS and kind == "product":
        moved = details.get("product")  # from one product to another
        products = [uuid.UUID(one) for one in moved] if isinstance(moved, list) else [subject_id]
        mark_all(session, merchant_id, products=products, now=at)
    event_type = OF_ACTS.get(act)
    if event_type is not None and kind == "customer":
        key = f"{subject_id}:{at.isoformat()}"
        told = Told(type=event_type, key=key, subject=(Kind.CUSTOMER, subject_id), at=at)
        tell(session, merchant_id, told, now=at)


def _type_of(
    subscription: Subscription, kind: TimelineKind, details: Mapping[str, Any], *, at: datetime
) -> EventType | None:
    if kind is TimelineKind.STATUS_SEEN:
        return _of_status(subscription, details.get("before"))
    if kind is TimelineKind.IMPORTED:
        began = subscription.started_at
        is_news = subscription.status is Status.ACTIVE and began is not None and at - began <= NEWS
        return EventType.SUBSCRIPTION_STARTED if is_news else None
    if kind is TimelineKind.END_REQUESTED and subscription.is_over:
        return None  # it ended before, and PayPal showed it live again: nobody asked anew
    return OF_TIMELINE.get(kind)


def _of_status(subscription: Subscription, before: str | None) -> EventType | None:
    """Return what a state seen at PayPal is to others, by the one before it."""
    if subscription.status is not Status.ACTIVE:
        return OF_STATUS.get(subscription.status)
    if before == Status.PENDING:
        return EventType.SUBSCRIPTION_STARTED
    return EventType.SUBSCRIPTION_RESUMED if before == Status.PAUSED else EventType.SUBSCRIPTION_UPDATED


def _subject(
    subscription: Subscription, kind: TimelineKind, key: str, details: Mapping[str, Any]
) -> tuple[Kind, uuid.UUID]:
    """Return what it is about: a request to end has an id of its own, one to pause has none outside."""
    if kind is TimelineKind.NEEDS_MERCHANT and "pause" not in details:
        return Kind.END_REQUEST, uuid.UUID(key.partition(":")[0])
    return Kind.SUBSCRIPTION, subscription.id


def _moment(subscription: Subscription, kind: TimelineKind, *, at: datetime) -> datetime:
    """Return when it happened: a start and an end by PayPal's own clock, as far as it names them."""
    if kind is TimelineKind.IMPORTED and subscription.started_at is not None:
        return min(subscription.started_at, at)
    if kind is TimelineKind.ENDED and subscription.stopped_at_provider_at is not None:
        return min(subscription.stopped_at_provider_at, at)
    return at


def _facts(subscription: Subscription, kind: TimelineKind, details: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"customer": public(Kind.CUSTOMER, subscription.customer_id)}
    match kind:
        case TimelineKind.ENDED:
            facts |= {"outcome": subscription.status.value, "access_until": moment(subscription.access_until)}
        case TimelineKind.END_REQUESTED:
            facts |= {"outcome": str(details.get("outcome", ""))}
        case TimelineKind.NEEDS_MERCHANT:
            facts |= {
                "subscription": public(Kind.SUBSCRIPTION, subscription.id),
                "trouble": str(details.get("trouble") or ""),
            }
        case TimelineKind.PAUSED if details.get("until"):
            facts |= {"resumes_at": moment(datetime.fromisoformat(details["until"]))}
    return facts
