"""Whose number somebody has read off a receipt or a mail: a subscription at PayPal, a payment, a request of ours."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from portal.models import Customer, EndRequest, Payment, ReceivedRequest, Subscription

ENVIRONMENTS: Final = ("live", "sandbox")


@dataclass(frozen=True, kw_only=True)
class Known:
    """The subscription that a number belongs to, and the address on file of whoever holds it, if there is one."""

    subscription_id: uuid.UUID
    email: str | None


def of_number(session: Session, merchant_id: uuid.UUID, number: str) -> Known | None:
    """Return whose a number is (normal form) at this merchant's; None for one that nobody here has.

    Read off PayPal's receipts and the portal's own mails: the subscription's id, a payment's, a request's reference.
    """
    if not number:
        return None
    ways = (
        select(Subscription.id).where(Subscription.merchant_id == merchant_id, Subscription.provider_id == number),
        select(Payment.subscription_id).where(
            Payment.merchant_id == merchant_id,
            Payment.environment.in_(ENVIRONMENTS),  # so that the unique index finds it
            Payment.provider_id == number,
        ),
        select(EndRequest.subscription_id).where(EndRequest.merchant_id == merchant_id, EndRequest.reference == number),
        select(ReceivedRequest.subscription_id).where(
            ReceivedRequest.merchant_id == merchant_id,
            ReceivedRequest.reference == number,
            ReceivedRequest.subscription_id.is_not(None),
        ),
    )
    row = session.execute(
        select(Subscription.id, Customer.email)
        .join(Customer, Customer.id == Subscription.customer_id)
        .where(Subscription.merchant_id == merchant_id, Subscription.id.in_(union_all(*ways)))
        .order_by(Subscription.created_at.desc(), Subscription.id)
        .limit(1)
    ).first()
    return Known(subscription_id=row.id, email=row.email) if row is not None else None
