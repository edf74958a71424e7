"""Every SELECT of the subscriptions that a request which came by another way may be about."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import case, exists, func, literal, or_, select, union
from sqlalchemy.orm import Session

from portal.domain.law.countries import Function
from portal.domain.paypal_numbers import normal
from portal.domain.subscriptions import ENDED
from portal.models import Customer, ReceivedRequest, Subscription
from portal.models.names import reading_order
from portal.queries.aliases import joined
from portal.queries.desk import searches

SHOWN: Final = ((Subscription.customer,), (Subscription.product,))
LIKELY = 20  # subscriptions proposed for one request
MOST_LIKELY = 200  # looked at for it, of each way: of a very common name not all


def of_request(session: Session, received: ReceivedRequest) -> list[Subscription]:
    """Return the merchant's subscriptions that it may be about: by address, PayPal id or name.

    The one that staff had found before stands at the very top, then those of the address; of each the live ones first.
    One that names its subscription is about no other.
    """
    ours, was_found = (
        Subscription.merchant_id == received.merchant_id,
        Subscription.id == received.suggested_subscription_id,
    )
    held = select(Subscription.id).join(Subscription.customer).where(ours, Customer.merchant_id == received.merchant_id)
    name = " ".join(received.name.split())
    ways = [select(Subscription.id).where(ours, Subscription.provider_id.in_(numbers(received)))]
    if name:
        ways.append(held.where(reading_order(Customer.name) == reading_order(literal(name))))
    if received.email:
        ways.append(held.where(Customer.email == received.email))
    if received.subscription_id is not None:
        ways = [select(Subscription.id).where(ours, Subscription.id == received.subscription_id)]
    elif received.suggested_subscription_id is not None:
        ways.append(select(Subscription.id).where(ours, was_found))
    found = union(*(select(way.limit(MOST_LIKELY).subquery()) for way in ways))
    is_over = case((Subscription.status.in_(ENDED), 1), else_=0)
    is_theirs = case((Customer.email == received.email, 0), else_=1)
    order = (case((was_found, 0), else_=1), is_theirs, is_over)
    return list(
        session.scalars(
            joined(select(Subscription).join(Subscription.customer), *SHOWN)
            .where(ours, Subscription.id.in_(select(found.subquery())))
            .order_by(*order, Subscription.next_payment_at.nulls_last(), Subscription.id)
            .limit(LIKELY)
        )
    )


def over_since(
    session: Session, merchant_id: uuid.UUID, letters: Collection[ReceivedRequest]
) -> dict[uuid.UUID, datetime]:
    """Return, of letters whose every subscription is over, when the last of them stopped.

    Theirs are those by address or PayPal id, and the one that was found for it.  A name alone is not enough to say that
    nothing is left to end: another customer may have it.  A withdrawal wants more than an end: none answers it.
    """
    letters = [letter for letter in letters if letter.function is not Function.WITHDRAWAL]
    named_numbers = {letter.id: numbers(letter) for letter in letters}
    named = {letter.id: {letter.subscription_id, letter.suggested_subscription_id} - {None} for letter in letters}
    stops = func.coalesce(Subscription.stopped_at_provider_at, Subscription.ended_at)
    columns = select(Subscription.id, Customer.email, Subscription.provider_id, Subscription.status, stops)
    ways = (
        Customer.email.in_({letter.email for letter in letters if letter.email}),
        Subscription.provider_id.in_(set().union(*named_numbers.values())),
        Subscription.id.in_(set().union(*named.values())),
    )
    ours = (Subscription.merchant_id == merchant_id, Customer.merchant_id == merchant_id)
    rows = {row for way in ways for row in session.execute(columns.join(Subscription.customer).where(*ours, way))}
    over = {}
    for letter in letters:
        theirs = [
            (status, at)
            for own_id, email, number, status, at in rows
            if own_id in named[letter.id] or email == (letter.email or "") or number in named_numbers[letter.id]
        ]
        if theirs and all(status in ENDED and at is not None for status, at in theirs):
            over[letter.id] = max(at for _status, at in theirs)
    return over


def own_over_since(session: Session, received: ReceivedRequest, address: str) -> datetime | None:
    """As `over_since` of one, for who reads that mailbox: None where it may be about what somebody else had."""
    over = over_since(session, received.merchant_id, [received]).get(received.id)
    named = [one for one in (received.subscription_id, received.suggested_subscription_id) if one is not None]
    elses = exists().where(
        Subscription.merchant_id == received.merchant_id,
        or_(Subscription.provider_id.in_(numbers(received)), Subscription.id.in_(named)),
        Customer.id == Subscription.customer_id,
        Customer.email.is_distinct_from(address),
    )
    return None if over is None or session.scalar(select(elses)) else over


def numbers(received: ReceivedRequest) -> set[str]:
    """Return the PayPal ids among what they say of the contract, whatever marks stand around them."""
    return {number for word in received.contract.split() if (number := normal(word)).startswith("I-")}


def found(session: Session, merchant_id: uuid.UUID, search: str) -> list[Subscription]:
    """Return subscriptions found by what staff type: an address, a name or a PayPal id, from its beginning."""
    sought, mine = searches.sought(session, search), [Subscription.merchant_id == merchant_id]
    rows = session.scalars(searches.subscriptions(merchant_id, sought, mine, most=LIKELY)).all()
    return list(
        session.scalars(
            joined(select(Subscription), *SHOWN)
            .where(Subscription.id.in_(rows), Subscription.merchant_id == merchant_id)
            .order_by(Subscription.next_payment_at.nulls_last(), Subscription.id)
        )
    )
