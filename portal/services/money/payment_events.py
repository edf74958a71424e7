"""A payment that came, and money that went back of it, are told to other systems, once each."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from portal.domain.integrations.outgoing_events import EventType
from portal.domain.integrations.public_ids import Kind, public
from portal.domain.money.payments import Standing
from portal.models import NOT_TAKEN, Payment, Subscription
from portal.services.outgoing_events import Told, tell
from portal.services.outgoing_facts import NEWS
from portal.services.resources import money


def follow(
    session: Session, subscription: Subscription, payment: Payment, before: Standing | None, *, now: datetime
) -> None:
    """Tell what is new of a payment; `before`: where it stood, None where it is new itself.

    What was paid before the portal knew the subscription is its history, and no news.
    """
    is_history = subscription.history_due_at is not None and now - payment.paid_at > NEWS
    if before is None and is_history:
        return
    if payment.was_taken and (before is None or before.state in NOT_TAKEN):
        _tell(session, subscription, payment, EventType.PAYMENT_COMPLETED, at=payment.paid_at, now=now)
    was_back = before.went_back(payment.amount) if before is not None else Decimal(0)
    if payment.went_back > was_back:
        _tell(session, subscription, payment, EventType.PAYMENT_REFUNDED, at=now, now=now)


def _tell(
    session: Session,
    subscription: Subscription,
    payment: Payment,
    event_type: EventType,
    *,
    at: datetime,
    now: datetime,
) -> None:
    facts = {
        "customer": public(Kind.CUSTOMER, subscription.customer_id),
        "subscription": public(Kind.SUBSCRIPTION, subscription.id),
        "amount": money(payment.amount, payment.currency),
    }
    key = str(payment.id)
    if event_type is EventType.PAYMENT_REFUNDED:
        key = f"{payment.id}:{_sums_of(payment)}"
        facts["refunded"] = money(payment.went_back, payment.currency)
    told = Told(type=event_type, key=key, subject=(Kind.PAYMENT, payment.id), at=min(at, now), facts=facts)
    tell(session, subscription.merchant_id, told, now=now, of=subscription)


def _sums_of(payment: Payment) -> str:
    """Return what tells one growth from all others: the same sum may go back again after PayPal gave it back."""
    again = payment.standing.given_again
    sums = (payment.went_back, again) if again else (payment.went_back,)
    return ":".join(f"{one.normalize():f}" for one in sums)
