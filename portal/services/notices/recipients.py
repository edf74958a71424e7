"""To whom a notice goes: the customer of a request, or the merchant, each in their language.

A merchant is told at the support address; where none is set, every owner of the desk is told: nobody is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from portal.i18n import pick_locale
from portal.mail.composing import Composed
from portal.models import EndRequest, Merchant, PauseRequest, Subscription
from portal.queries import subscriptions
from portal.queries.people import people
from portal.services.context import Context
from portal.services.notices import outbox

log = structlog.get_logger(__name__)


def to_customer(
    ctx: Context,
    session: Session,
    merchant: Merchant,
    request: EndRequest | PauseRequest,
    composed: Composed,
    *,
    key: str,
    now: datetime,
    send_at: datetime | None = None,
) -> None:
    """Write a message to the request's customer, in their language; one without an address gets none."""
    end = request if isinstance(request, EndRequest) else None
    subscription = subscriptions.of_request(session, request)
    to_holder(ctx, session, merchant, subscription, composed, key=key, now=now, request=end, send_at=send_at)


def to_holder(
    ctx: Context,
    session: Session,
    merchant: Merchant,
    subscription: Subscription,
    composed: Composed,
    *,
    key: str,
    now: datetime,
    request: EndRequest | None = None,
    send_at: datetime | None = None,
) -> None:
    """Write a message to the subscription's customer, in their language; one without an address gets none."""
    customer = subscription.customer
    if not customer.email:
        # The merchant's mail says it too: somebody has to tell this customer.
        log.warning("customer_without_address", subscription_id=str(subscription.id), kind=composed.kind)
        return
    outbox.put(
        ctx,
        session,
        composed,
        merchant_id=merchant.id,
        key=key,
        recipient=customer.email,
        language=pick_locale(customer.locale, merchant.locale),
        now=now,
        end_request_id=request.id if request is not None else None,
        send_at=send_at,
    )


@dataclass(frozen=True)
class Address:
    """One of the addresses that a merchant is told at; `mark` makes a message's key its own, "" for the usual one."""

    email: str
    mark: str = ""


def desk_addresses(session: Session, merchant: Merchant, *, kind: str) -> tuple[Address, ...]:
    """Return where the merchant is told: the support address, else every owner's own."""
    if merchant.support_email:
        return (Address(merchant.support_email),)
    owners = people.owners(session, merchant.id)
    if not owners:
        log.warning("merchant_without_address", merchant_id=str(merchant.id), kind=kind)
    return tuple(Address(owner.email, f":{owner.id}") for owner in owners)


def to_merchant(
    ctx: Context,
    session: Session,
    merchant: Merchant,
    composed: Composed,
    *,
    key: str,
    now: datetime,
    request: EndRequest | None = None,
    send_at: datetime | None = None,
) -> None:
    """Write a message to the merchant."""
    for address in desk_addresses(session, merchant, kind=composed.kind):
        outbox.put(
            ctx,
            session,
            composed,
            merchant_id=merchant.id,
            key=f"{key}{address.mark}",
            recipient=address.email,
            language=pick_locale(merchant.locale),
            now=now,
            end_request_id=request.id if request is not None else None,
            send_at=send_at,
        )
