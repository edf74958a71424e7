"""What was asked and waits: requests to end and the keys they wait for, letters, pauses, and dates nobody knows."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import KEY_TROUBLES, OPEN, Basis, RequestState, Trouble
from portal.domain.ends.pauses import PauseState
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.ends.received_requests import Way as CameBy
from portal.models import (
    EndRequest,
    KeyState,
    PauseRequest,
    PayPalAccount,
    Provider,
    ReceivedRequest,
    Subscription,
)
from portal.queries.ends import received_requests
from portal.queries.ends.end_requests import is_repetition
from portal.queries.inbox.items import MERCHANT, Item, Kind, Place, Way, about_its_subscription
from portal.queries.law import likely_subscriptions


def counted() -> tuple[Select[Any], ...]:
    """Return a row for each thing of each kind; requests that wait for a key alone are one with it."""
    one = literal(1)
    ends = select(one).select_from(EndRequest).join(EndRequest.subscription)
    return (
        ends.where(*_requests()),
        select(one).select_from(PayPalAccount).where(*_broken_keys()),
        # As many keys are missing as kinds of subscription have requests that wait for one.
        ends.where(*_without_key()).group_by(Subscription.provider),
        select(one).select_from(ReceivedRequest).where(*_received()),
        select(one).select_from(PauseRequest).where(*_stuck_pauses()),
        ends.where(*_dates()),
    )


def about() -> tuple[Select[Any], ...]:
    """Return the id of each subscription that one of these things is about; a key's are those that wait for it."""
    ends = select(EndRequest.subscription_id).join(EndRequest.subscription)
    return (
        select(EndRequest.subscription_id).where(_needing()),
        select(ReceivedRequest.subscription_id).where(*_received(), ReceivedRequest.subscription_id.is_not(None)),
        select(PauseRequest.subscription_id).where(*_stuck_pauses()),
        ends.where(*_dates()),
    )


# Requests to end, and the keys that some of them wait for


def _needing() -> ColumnElement[bool]:
    """Which requests to end need the merchant: those that PayPal refuses, and those whose planned time was missed."""
    is_late = and_(EndRequest.state.in_(OPEN), EndRequest.late_told_at.is_not(None))
    return and_(EndRequest.merchant_id == MERCHANT, or_(EndRequest.state == RequestState.NEEDS_MERCHANT, is_late))


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


def _requests() -> tuple[ColumnElement[bool], ...]:
    """Those that need something of their own: not those that a key alone holds up."""
    without_key = and_(func.coalesce(EndRequest.trouble == Trouble.NO_KEY, False), ~_key_of())
    return (_needing(), ~_waits_for_broken_key(), ~without_key)


def _without_key() -> tuple[ColumnElement[bool], ...]:
    return (_needing(), EndRequest.trouble == Trouble.NO_KEY, ~_key_of())


def _broken_keys() -> tuple[ColumnElement[bool], ...]:
    return (PayPalAccount.merchant_id == MERCHANT, PayPalAccount.broken_since.is_not(None))


def _with_next_payment(*where: ColumnElement[bool]) -> Select[EndRequest, datetime | None]:
    return select(EndRequest, Subscription.next_payment_at).join(EndRequest.subscription).where(*where)


def requests(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return requests to end that PayPal refuses, or that the portal cannot finish before the next payment."""
    found = session.execute(_page_of_requests(place.way), {"merchant_id": merchant_id, **place.values})
    return [
        about_its_subscription(Kind.REQUEST, request, since=request.created_at, at_risk_at=at) for request, at in found
    ]


@cache
def _page_of_requests(way: Way) -> Select[EndRequest, datetime | None]:
    return _by_risk(way, _with_next_payment(*_requests()))


def _by_risk(way: Way, statement: Select[EndRequest, datetime | None]) -> Select[EndRequest, datetime | None]:
    since, at = EndRequest.created_at, Subscription.next_payment_at
    return way.narrow(statement, id=EndRequest.id, since=since, at=at)


def keys(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return the keys that PayPal refuses, and those that are missing, each with the requests that wait for it.

    They are as few as there are kinds of key: those of other pages are left out once they are known.
    """
    found: list[Item] = []
    for account in session.scalars(_broken(), {"merchant_id": merchant_id}):
        found.append(_key(session, merchant_id, account.provider, account, since=account.broken_since or now))
    for provider in Provider:
        item = _key(session, merchant_id, provider, None, since=now)
        if item.requests:
            found.append(replace(item, since=min(request.created_at for request in item.requests)))
    return [item for item in found if place.takes(item.key)]


def _key(
    session: Session,
    merchant_id: uuid.UUID,
    provider: Provider,
    account: PayPalAccount | None,
    *,
    since: datetime,
) -> Item:
    """Return the item of a key that is broken, or (without account) missing, and the first requests that wait."""
    which = {"merchant_id": merchant_id, "provider": provider}
    is_missing = account is None
    held_up = session.execute(_held_up(is_missing=is_missing), which).all()
    waiting = tuple(request for request, _at in held_up)
    return Item(
        kind=Kind.KEY,
        id=uuid.uuid5(merchant_id, provider.value),
        about=account,
        since=since,
        at_risk_at=held_up[0][1] if held_up else None,
        names=waiting,
        requests=waiting,
        waiting=session.scalar(_number_held_up(is_missing=is_missing), which) or 0,
        provider=provider,
    )


@cache
def _broken() -> Select[PayPalAccount]:
    return select(PayPalAccount).where(*_broken_keys())


def _of_key(*, is_missing: bool) -> tuple[ColumnElement[bool], ...]:
    """Which requests wait for the key of `provider`."""
    why = _without_key() if is_missing else (_needing(), _waits_for_broken_key())
    return (*why, Subscription.provider == bindparam("provider"))


@cache
def _held_up(*, is_missing: bool) -> Select[EndRequest, datetime | None]:
    return _by_risk(Way.BEGINNING, _with_next_payment(*_of_key(is_missing=is_missing)))


@cache
def _number_held_up(*, is_missing: bool) -> Select[int]:
    ends = select(func.count()).select_from(EndRequest).join(EndRequest.subscription)
    return ends.where(*_of_key(is_missing=is_missing))


# Requests that came by other ways


def _received() -> tuple[ColumnElement[bool], ...]:
    is_open = ReceivedRequest.state == ReceivedState.OPEN
    alone = ReceivedRequest.way != CameBy.NO_LOGIN, ~received_requests.is_one_of_many()
    return (ReceivedRequest.merchant_id == MERCHANT, is_open, *alone)


def received(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return those that nobody has settled; at risk is the next payment of whoever has that address."""
    which = {"merchant_id": merchant_id, "now": now, **place.values}
    rows = session.execute(_page_of_received(place.way), which).all()
    over = likely_subscriptions.over_since(session, merchant_id, [row for row, _at in rows])
    return [
        about_its_subscription(Kind.RECEIVED, row, since=row.received_at, at_risk_at=at, over_since=over.get(row.id))
        for row, at in rows
    ]


@cache
def _page_of_received(way: Way) -> Select[ReceivedRequest, datetime | None]:
    since, at = ReceivedRequest.received_at, received_requests.payment_at_risk()
    whole = received_requests.whole().where(*_received())
    return way.narrow(whole, id=ReceivedRequest.id, since=since, at=at)


# Pauses that PayPal holds up


def _stuck_pauses() -> tuple[ColumnElement[bool], ...]:
    return (PauseRequest.merchant_id == MERCHANT, PauseRequest.state == PauseState.NEEDS_MERCHANT)


def pauses(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return requests to pause or to resume that the portal cannot finish alone."""
    rows = session.execute(_page_of_pauses(place.way), {"merchant_id": merchant_id, **place.values})
    return [about_its_subscription(Kind.PAUSE, row, since=row.created_at, at_risk_at=at) for row, at in rows]


@cache
def _page_of_pauses(way: Way) -> Select[PauseRequest, datetime | None]:
    whole = select(PauseRequest, Subscription.next_payment_at).join(PauseRequest.subscription).where(*_stuck_pauses())
    since, at = PauseRequest.created_at, Subscription.next_payment_at
    return way.narrow(whole, id=PauseRequest.id, since=since, at=at)


# Ends whose paid time is unknown


def _dates() -> tuple[ColumnElement[bool], ...]:
    """The other side of `aging.closable`: over, and until when it is paid nobody knows."""
    return (
        Subscription.merchant_id == MERCHANT,
        Subscription.ended_at.is_not(None),
        Subscription.paid_until.is_(None),
        Subscription.access_until.is_(None),
        EndRequest.state == RequestState.CONFIRMED,
        EndRequest.basis != Basis.NEVER_STARTED,
        ~is_repetition(),
    )


def dates(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return ended subscriptions whose customers wait to be told until when they are paid."""
    found = session.scalars(_page_of_dates(place.way), {"merchant_id": merchant_id, **place.values})
    return [about_its_subscription(Kind.DATE, one, since=one.confirmed_at or now) for one in found]


@cache
def _page_of_dates(way: Way) -> Select[EndRequest]:
    whole = select(EndRequest).join(EndRequest.subscription).where(*_dates())
    return way.narrow(whole, id=EndRequest.id, since=EndRequest.confirmed_at)


def missing_date(session: Session, merchant_id: uuid.UUID, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the confirmed end of a subscription whose end of the paid time nobody knows, if that is so."""
    return session.scalars(_missing_date(), {"merchant_id": merchant_id, "subscription_id": subscription_id}).first()


@cache
def _missing_date() -> Select[EndRequest]:
    return (
        select(EndRequest)
        .join(EndRequest.subscription)
        .where(*_dates(), EndRequest.subscription_id == bindparam("subscription_id"))
        .order_by(EndRequest.confirmed_at.desc())
        .limit(1)
    )
