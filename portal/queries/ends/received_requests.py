"""Every SELECT of requests to end that came by other ways, scoped by merchant."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, bindparam, case, exists, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import OPEN
from portal.domain.ends.received_requests import ReceivedState, Way
from portal.domain.subscriptions import ENDED
from portal.models import Customer, EndRequest, PublicDeclaration, ReceivedRequest, Subscription
from portal.queries import named, subscriptions, surroundings
from portal.queries.aliases import joined
from portal.queries.ends.aging import BEFORE_THE_FIRST
from portal.queries.surroundings import Part

__all__ = [
    "ReceivedRequest",
    "ReceivedState",
    "at_risk",
    "hold",
    "is_lost",
    "is_waited_for",
    "is_wished_by",
    "lock",
    "lock_lost",
    "lock_matched",
    "lock_open",
    "lock_subscription",
    "lost",
    "notified",
    "notifier",
    "of_merchant",
    "open_after",
    "open_of",
    "open_under",
    "open_under_lock",
    "own",
    "owners",
    "payment_at_risk",
    "unmatched_from",
    "whole",
]

MOST: Final = 5  # of one address, or of one reference, shown
SHORTEST: Final = 4  # of a reference that is typed: before its hyphen
_KNOWN = (ReceivedRequest.subscription_id, ReceivedRequest.suggested_subscription_id)


@cache
def _whole() -> Select[ReceivedRequest]:
    return joined(
        select(ReceivedRequest),
        (ReceivedRequest.end_request, EndRequest.subscription, Subscription.product),
        (ReceivedRequest.subscription, Subscription.product),
        (ReceivedRequest.declaration,),
    )


def of_merchant(session: Session, merchant_id: uuid.UUID, received_id: uuid.UUID) -> ReceivedRequest:
    """Return one request of the merchant; raise NoResultFound for any other."""
    return session.scalars(
        _whole().where(ReceivedRequest.id == received_id, ReceivedRequest.merchant_id == merchant_id)
    ).one()


def lock(session: Session, merchant_id: uuid.UUID, received_id: uuid.UUID) -> ReceivedRequest:
    """Return one request of the merchant, locked; whoever needs the subscription too has locked it before."""
    return session.scalars(
        select(ReceivedRequest)
        .where(ReceivedRequest.id == received_id, ReceivedRequest.merchant_id == merchant_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def lock_lost(session: Session, merchant_id: uuid.UUID, email: str, number: str) -> ReceivedRequest | None:
    """Return the open word of somebody who could not log in, by the address to answer to and the number; locked."""
    return session.scalars(
        select(ReceivedRequest)
        .where(
            *is_lost(merchant_id),
            ReceivedRequest.email == email,
            ReceivedRequest.contract == number,
        )
        .order_by(ReceivedRequest.received_at, ReceivedRequest.id)
        .limit(1)
        .with_for_update(key_share=True)
    ).first()


def lost(
    session: Session, merchant_id: uuid.UUID, *, limit: int, now: datetime
) -> list[tuple[ReceivedRequest, datetime | None]]:
    """Return the open words of who could not log in, the payment at risk first, each with it."""
    return at_risk(session, *is_lost(merchant_id), limit=limit, now=now)[0]


def is_lost(merchant_id: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an open word of somebody who could not log in."""
    return (
        ReceivedRequest.merchant_id == merchant_id,
        ReceivedRequest.state == ReceivedState.OPEN,
        or_(ReceivedRequest.way == Way.NO_LOGIN, is_one_of_many()),
    )


def is_one_of_many() -> ColumnElement[bool]:
    """Say that a declaration came beyond a limit: such ones are one line, as strangers may send very many."""
    is_repeated = PublicDeclaration.received_request_id == ReceivedRequest.id, PublicDeclaration.is_repeated
    return and_(ReceivedRequest.way == Way.PUBLIC_FORM, exists().where(*is_repeated))


def _names(subscription_id: Any) -> ColumnElement[bool]:
    """Say that a request names that subscription itself, or was matched to it by what its declarer knew."""
    matched = select(PublicDeclaration.received_request_id).where(
        PublicDeclaration.subscription_id == subscription_id, PublicDeclaration.refused_at.is_(None)
    )
    return or_(ReceivedRequest.subscription_id == subscription_id, ReceivedRequest.id.in_(matched))


def names_it(subscription_id: Any) -> ColumnElement[bool]:
    """Say that an open request is answered by the end of that subscription."""
    return and_(ReceivedRequest.state == ReceivedState.OPEN, _names(subscription_id))


def own(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, reference: str) -> ReceivedRequest:
    """Return what a customer notified of a subscription of theirs, by its reference; raise NoResultFound."""
    return session.scalars(
        select(ReceivedRequest)
        .join(ReceivedRequest.subscription)
        .where(
            ReceivedRequest.reference == reference,
            ReceivedRequest.merchant_id == merchant_id,
            Subscription.customer_id == customer_id,
        )
    ).one()


def unmatched_from(session: Session, merchant_id: uuid.UUID, email: str | None) -> Sequence[ReceivedRequest]:
    """Return the open requests that came from an address and name no subscription yet, the first ones first."""
    if email is None:
        return ()
    waits = ReceivedRequest.state == ReceivedState.OPEN, ReceivedRequest.way != Way.NO_LOGIN
    theirs = ReceivedRequest.email == email, ReceivedRequest.subscription_id.is_(None)
    statement = select(ReceivedRequest).where(ReceivedRequest.merchant_id == merchant_id, *waits, *theirs)
    return session.scalars(statement.order_by(ReceivedRequest.received_at, ReceivedRequest.id).limit(MOST)).all()


def open_under(session: Session, merchant_id: uuid.UUID, typed: str) -> Sequence[ReceivedRequest]:
    """Return the open requests whose reference begins with what was typed, with or without its hyphen."""
    named = typed.strip().upper()
    if len(named) < SHORTEST:
        return ()
    if "-" not in named and len(named) > SHORTEST:
        named = f"{named[:SHORTEST]}-{named[SHORTEST:]}"
    waits = ReceivedRequest.merchant_id == merchant_id, ReceivedRequest.state == ReceivedState.OPEN
    begins = ReceivedRequest.reference.startswith(named, autoescape=True)
    return session.scalars(select(ReceivedRequest).where(*waits, begins).limit(MOST)).all()


def open_of(session: Session, subscription_id: uuid.UUID) -> ReceivedRequest | None:
    """Return what the customer has notified of a subscription and still waits for, the first where there are more."""
    return session.scalars(
        select(ReceivedRequest)
        .where(ReceivedRequest.subscription_id == subscription_id, ReceivedRequest.state == ReceivedState.OPEN)
        .order_by(ReceivedRequest.received_at, ReceivedRequest.id)
        .limit(1)
    ).first()


def is_wished_by(session: Session, subscription_id: uuid.UUID, day: date) -> bool:
    """Say whether the customer has notified its end for that day, an earlier one or none, and still waits for it."""
    is_open = ReceivedRequest.subscription_id == subscription_id, ReceivedRequest.state == ReceivedState.OPEN
    in_time = or_(ReceivedRequest.wished_on.is_(None), ReceivedRequest.wished_on <= day)
    return bool(session.scalar(select(exists().where(*is_open, in_time))))


def is_waited_for(session: Session, subscription_id: uuid.UUID) -> bool:
    """Say whether the customer has asked for its end by another way, and waits: openly, or for an end under way."""
    under_way = ReceivedRequest.end_request.has(
        and_(EndRequest.subscription_id == subscription_id, EndRequest.state.in_(OPEN))
    )
    is_open = and_(ReceivedRequest.subscription_id == subscription_id, ReceivedRequest.state == ReceivedState.OPEN)
    matched = and_(ReceivedRequest.state == ReceivedState.MATCHED, under_way)
    return bool(session.scalar(select(exists().where(or_(is_open, matched)))))


def open_after(
    session: Session, after: uuid.UUID | None, *, limit: int, now: datetime
) -> Sequence[tuple[ReceivedRequest, datetime | None]]:
    """Return the next open ones of all merchants by id, each with the payment at risk."""
    which = {"after": after or BEFORE_THE_FIRST, "limit": limit, "now": now}
    return [(row, at) for row, at in session.execute(_open_after(), which)]


@cache
def _open_after() -> Select[ReceivedRequest, datetime | None]:
    return (
        select(ReceivedRequest, payment_at_risk())
        .where(ReceivedRequest.state == ReceivedState.OPEN, ReceivedRequest.id > bindparam("after"))
        .order_by(ReceivedRequest.id)
        .limit(bindparam("limit"))
    )


@cache
def payment_at_risk() -> ColumnElement[datetime | None]:
    """Return the next payment at `now` of the subscription it names, else of the one that staff had found.

    Where none is known, the first to come of whoever has that address.  A date that is past stands only where none is
    to come.
    """
    known = func.coalesce(*_KNOWN)
    theirs = and_(Customer.merchant_id == ReceivedRequest.merchant_id, Customer.email == ReceivedRequest.email)
    # Each by its own index: one statement with « or » would look at every subscription of the merchant.
    return case((known.is_not(None), _next_payment(Subscription.id == known)), else_=_next_payment(theirs))


def _next_payment(whose: ColumnElement[bool]) -> ScalarSelect[datetime | None]:
    at = Subscription.next_payment_at
    return (
        select(func.coalesce(func.min(at).filter(at > bindparam("now")), func.max(at)))
        .join(Subscription.customer)
        .where(Subscription.merchant_id == ReceivedRequest.merchant_id, Subscription.status.not_in(ENDED), whose)
        .correlate(ReceivedRequest)
        .scalar_subquery()
    )


@cache
def whole() -> Select[ReceivedRequest, datetime | None]:
    """Return requests with what was declared of each, and the payment at risk at `now`."""
    return joined(select(ReceivedRequest, payment_at_risk()), (ReceivedRequest.declaration,))


def at_risk(
    session: Session, *where: ColumnElement[bool], limit: int, now: datetime
) -> tuple[list[tuple[ReceivedRequest, datetime | None]], int]:
    """Return those of which `where` is true, the payment at risk first, each with it; and how many there are."""
    order = payment_at_risk().nulls_last(), ReceivedRequest.received_at
    rows = session.execute(whole().where(*where).order_by(*order).limit(limit), {"now": now})
    found = [(row, at) for row, at in rows]
    named.give(session, [row for row, _at in found])
    count = session.scalar(select(func.count()).select_from(ReceivedRequest).where(*where)) if found else 0
    return found, count or 0


def notifier(session: Session, received: ReceivedRequest) -> Customer | None:
    """Return the customer who notified it on their page, as they are now; None for one that came otherwise."""
    if received.subscription_id is None:
        return None
    theirs = select(Customer).join(Subscription, Subscription.customer_id == Customer.id)
    return session.scalars(theirs.where(Subscription.id == received.subscription_id)).one()


def lock_subscription(session: Session, merchant_id: uuid.UUID, received_id: uuid.UUID) -> Subscription | None:
    """Return the subscription that it names, locked before it; None where it names none. Raises NoResultFound."""
    received = of_merchant(session, merchant_id, received_id)
    if received.subscription_id is None:
        return None
    return subscriptions.lock(session, merchant_id, received.subscription_id)


def lock_matched(session: Session, end_request_id: uuid.UUID) -> list[ReceivedRequest]:
    """Return those for which a request to end stands, locked."""
    return list(
        session.scalars(
            select(ReceivedRequest)
            .where(
                ReceivedRequest.end_request_id == end_request_id,
                ReceivedRequest.state == ReceivedState.MATCHED,
            )
            .order_by(ReceivedRequest.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def lock_open(session: Session, subscription_id: uuid.UUID) -> list[ReceivedRequest]:
    """Return the open ones that its end answers, locked: they name it, or were matched to it; its lock is held."""
    return list(
        session.scalars(
            select(ReceivedRequest)
            .where(names_it(subscription_id))
            .order_by(ReceivedRequest.id)
            .with_for_update(key_share=True)
        )
    )


def open_under_lock(session: Session, subscription_id: uuid.UUID) -> list[ReceivedRequest]:
    """As `lock_open`, where nothing was opened since the subscription was locked."""
    return [] if surroundings.lacks(session, subscription_id, Part.LETTER) else lock_open(session, subscription_id)


def hold(session: Session, subscription: Subscription, *, also: uuid.UUID | None) -> list[ReceivedRequest]:
    """Lock what an end of the subscription may answer, before what is locked last of all (`merchant_news.lock`).

    Returns the open ones that name it themselves.
    """
    notified = open_under_lock(session, subscription.id)
    if also is not None:
        lock(session, subscription.merchant_id, also)
    return notified


def notified(session: Session, subscription_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, ReceivedRequest]:
    """Return the newest that customers notified by the form of each subscription's page."""
    rows = session.scalars(
        select(ReceivedRequest)
        .where(ReceivedRequest.subscription_id.in_(subscription_ids))
        .order_by(ReceivedRequest.received_at, ReceivedRequest.id)
    )
    return {row.subscription_id: row for row in rows if row.subscription_id is not None}


def owners(session: Session, received: ReceivedRequest) -> Sequence[Customer]:
    """Return the merchant's customers whose address it bears."""
    ours = select(Customer).where(Customer.merchant_id == received.merchant_id, Customer.email == received.email)
    return session.scalars(ours.order_by(Customer.id)).all() if received.email else ()
