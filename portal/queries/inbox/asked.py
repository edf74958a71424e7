"""What was asked and waits: requests to end and the keys they wait for, letters, pauses, and dates nobody knows."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select
from sqlalchemy.orm import Session, joinedload

from portal.domain.end_requests import KEY_TROUBLES, OPEN, Basis, RequestState, Trouble
from portal.domain.pauses import PauseState
from portal.domain.received_requests import ReceivedState
from portal.models import (
    EndRequest,
    KeyState,
    PauseRequest,
    PayPalAccount,
    Provider,
    ReceivedRequest,
    Subscription,
)
from portal.queries import likely_subscriptions, received_requests
from portal.queries.end_requests import is_repetition
from portal.queries.inbox.items import Item, Kind, Place


def counted(merchant_id: uuid.UUID) -> tuple[Select[Any], ...]:
    """Return a row for each thing of each kind; requests that wait for a key alone are one with it."""
    one = literal(1)
    ends = select(one).select_from(EndRequest).join(EndRequest.subscription)
    return (
        ends.where(*_requests(merchant_id)),
        select(one).select_from(PayPalAccount).where(*_broken_keys(merchant_id)),
        # As many keys are missing as kinds of subscription have requests that wait for one.
        ends.where(*_without_key(merchant_id)).group_by(Subscription.provider),
        select(one).select_from(ReceivedRequest).where(*_received(merchant_id)),
        select(one).select_from(PauseRequest).where(*_stuck_pauses(merchant_id)),
        ends.where(*_dates(merchant_id)),
    )


# Requests to end, and the keys that some of them wait for


def _needing(merchant_id: uuid.UUID) -> ColumnElement[bool]:
    """Which requests to end need the merchant: those that PayPal refuses, and those whose planned time was missed."""
    is_late = and_(EndRequest.state.in_(OPEN), EndRequest.late_told_at.is_not(None))
    return and_(EndRequest.merchant_id == merchant_id, or_(EndRequest.state == RequestState.NEEDS_MERCHANT, is_late))


def _key_of(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say that the merchant has a key for the request's subscription, of which `more` is true."""
    return exists().where(
        PayPalAccount.merchant_id == EndRequest.merchant_id, PayPalAccount.provider == Subscription.provider, *more
    )


def _waits_for_broken_key() -> ColumnElement[bool]:
    lacks_right = and_(EndRequest.trouble == Trouble.FORBIDDEN, PayPalAccount.state == KeyState.MISSING_RIGHTS)
    return func.coalesce(
        _key_of(PayPalAccount.broken_since.is_not(None), or_(EndRequest.trouble.in_(KEY_TROUBLES), lacks_right)), False
    )


def _requests(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    """Those that need something of their own: not those that a key alone holds up."""
    without_key = and_(func.coalesce(EndRequest.trouble == Trouble.NO_KEY, False), ~_key_of())
    return (_needing(merchant_id), ~_waits_for_broken_key(), ~without_key)


def _without_key(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (_needing(merchant_id), EndRequest.trouble == Trouble.NO_KEY, ~_key_of())


def _broken_keys(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (PayPalAccount.merchant_id == merchant_id, PayPalAccount.broken_since.is_not(None))


def _whole_requests(*where: ColumnElement[bool]) -> Select[EndRequest]:
    return (
        select(EndRequest)
        .join(EndRequest.subscription)
        .options(
            joinedload(EndRequest.subscription).joinedload(Subscription.customer),
            joinedload(EndRequest.subscription).joinedload(Subscription.product),
        )
        .where(*where)
    )


def requests(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return requests to end that PayPal refuses, or that the portal cannot finish before the next payment."""
    at, since = Subscription.next_payment_at, EndRequest.created_at
    found = place.narrow(_whole_requests(*_requests(merchant_id)), id=EndRequest.id, since=since, at=at)
    return [
        Item(
            kind=Kind.REQUEST,
            id=request.id,
            about=request,
            since=request.created_at,
            at_risk_at=request.subscription.next_payment_at,
            subscription=request.subscription,
        )
        for request in session.scalars(found)
    ]


def keys(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return the keys that PayPal refuses, and those that are missing, each with the requests that wait for it.

    They are as few as there are kinds of key: those of other pages are left out once they are known.
    """
    found: list[Item] = []
    for account in session.scalars(select(PayPalAccount).where(*_broken_keys(merchant_id))):
        where: tuple[ColumnElement[bool], ...] = (
            _needing(merchant_id),
            _waits_for_broken_key(),
            Subscription.provider == account.provider,
        )
        found.append(_key(session, merchant_id, account.provider, account, where, since=account.broken_since or now))
    for provider in Provider:
        where = (*_without_key(merchant_id), Subscription.provider == provider)
        item = _key(session, merchant_id, provider, None, where, since=now)
        if item.requests:
            found.append(replace(item, since=min(request.created_at for request in item.requests)))
    return [item for item in found if place.takes(item.key)]


def _key(
    session: Session,
    merchant_id: uuid.UUID,
    provider: Provider,
    account: PayPalAccount | None,
    where: tuple[ColumnElement[bool], ...],
    *,
    since: datetime,
) -> Item:
    at, since_created = Subscription.next_payment_at, EndRequest.created_at
    first = Place().narrow(_whole_requests(*where), id=EndRequest.id, since=since_created, at=at)
    waiting = tuple(session.scalars(first))
    counted = select(func.count()).select_from(EndRequest).join(EndRequest.subscription).where(*where)
    return Item(
        kind=Kind.KEY,
        id=uuid.uuid5(merchant_id, provider.value),
        about=account,
        since=since,
        at_risk_at=waiting[0].subscription.next_payment_at if waiting else None,
        requests=waiting,
        waiting=session.scalar(counted) or 0,
        provider=provider,
    )


# Requests that came by other ways


def _received(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (ReceivedRequest.merchant_id == merchant_id, ReceivedRequest.state == ReceivedState.OPEN)


def received(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return those that nobody has settled; at risk is the next payment of whoever has that address."""
    at_risk = received_requests.payment_at_risk(now)
    whole = received_requests.whole(at_risk).where(*_received(merchant_id))
    since = ReceivedRequest.received_at
    rows = session.execute(place.narrow(whole, id=ReceivedRequest.id, since=since, at=at_risk)).all()
    over = likely_subscriptions.over_since(session, merchant_id, [row for row, _at in rows])
    return [
        Item(
            kind=Kind.RECEIVED,
            id=row.id,
            about=row,
            since=row.received_at,
            at_risk_at=at,
            subscription=row.subscription,
            over_since=over.get(row.id),
        )
        for row, at in rows
    ]


# Pauses that PayPal holds up


def _stuck_pauses(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (PauseRequest.merchant_id == merchant_id, PauseRequest.state == PauseState.NEEDS_MERCHANT)


def pauses(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return requests to pause or to resume that the portal cannot finish alone."""
    whole = (
        select(PauseRequest)
        .join(PauseRequest.subscription)
        .options(
            joinedload(PauseRequest.subscription).joinedload(Subscription.customer),
            joinedload(PauseRequest.subscription).joinedload(Subscription.product),
        )
        .where(*_stuck_pauses(merchant_id))
    )
    at, since = Subscription.next_payment_at, PauseRequest.created_at
    rows = session.scalars(place.narrow(whole, id=PauseRequest.id, since=since, at=at))
    return [
        Item(
            kind=Kind.PAUSE,
            id=row.id,
            about=row,
            since=row.created_at,
            at_risk_at=row.subscription.next_payment_at,
            subscription=row.subscription,
        )
        for row in rows
    ]


# Ends whose paid time is unknown


def _dates(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    """The other side of `end_requests.closable`: over, and until when it is paid nobody knows."""
    return (
        Subscription.merchant_id == merchant_id,
        Subscription.ended_at.is_not(None),
        Subscription.paid_until.is_(None),
        Subscription.access_until.is_(None),
        EndRequest.state == RequestState.CONFIRMED,
        EndRequest.basis != Basis.NEVER_STARTED,
        ~is_repetition(),
    )


def dates(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return ended subscriptions whose customers wait to be told until when they are paid."""
    found = place.narrow(_whole_requests(*_dates(merchant_id)), id=EndRequest.id, since=EndRequest.confirmed_at)
    return [
        Item(kind=Kind.DATE, id=one.id, about=one, since=one.confirmed_at or now, subscription=one.subscription)
        for one in session.scalars(found)
    ]


def missing_date(session: Session, merchant_id: uuid.UUID, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the confirmed end of a subscription whose end of the paid time nobody knows, if that is so."""
    return session.scalars(
        select(EndRequest)
        .join(EndRequest.subscription)
        .where(*_dates(merchant_id), EndRequest.subscription_id == subscription_id)
        .order_by(EndRequest.confirmed_at.desc())
        .limit(1)
    ).first()
