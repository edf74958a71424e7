"""What needs the merchant, of every kind, gathered from the rows that say so: there is no table of items to keep true.

Each source gives at most LIMIT items.  The count in the navigation asks the same conditions in one statement.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, literal_column, or_, select, true, union_all
from sqlalchemy.orm import Session, defer, joinedload

from portal.domain.end_requests import OPEN, Basis, RequestState, Trouble
from portal.domain.late_payments import LateState
from portal.domain.pauses import PauseState
from portal.domain.policies import Actor
from portal.domain.received_requests import ReceivedState
from portal.domain.subscriptions import ENDED
from portal.models import (
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    Customer,
    EndRequest,
    EventState,
    KeyState,
    LatePayment,
    Mail,
    MailState,
    PauseRequest,
    PayPalAccount,
    PayPalEvent,
    Provider,
    ReceivedRequest,
    Subscription,
    TimelineEntry,
)
from portal.queries import late_payments

LIMIT: Final = 200  # of each kind
MOST_COUNTED: Final = 100  # more is not a number one reads
HISTORY: Final = 10  # facts of one subscription
SEEN_ENDS_FOR: Final = timedelta(days=30)  # an end found at PayPal is news no longer than that
KEY_TROUBLES: Final = (Trouble.BAD_CREDENTIALS, Trouble.NO_KEY)


class Kind(StrEnum):
    """What sort of thing needs the merchant."""

    REQUEST = "request"
    KEY = "key"
    RECEIVED = "received"
    DATE = "date"
    DIFFERENCE = "difference"
    END_SEEN = "end_seen"
    EVENT = "event"
    MAIL = "mail"
    LATE_PAYMENT = "late_payment"
    PAUSE = "pause"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing. `about` is its row; `at_risk_at` the next payment that may be taken, None when none is known."""

    kind: Kind
    about: Any
    since: datetime
    at_risk_at: datetime | None = None
    is_money_taken: bool = False  # a payment was taken already: before everything else
    subscription: Subscription | None = None
    requests: tuple[EndRequest, ...] = ()  # of a key: those that wait for it alone
    waiting: int = 0  # how many of them there are
    provider: Provider | None = None  # of a key, which may be missing altogether
    history: tuple[TimelineEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """All items, the next payment at risk first; `is_cut` when a kind has more than are shown."""

    items: tuple[Item, ...]
    is_cut: bool


def everything(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> Inbox:
    """Return what needs the merchant: money taken already first, then by the next payment at risk."""
    by_source = [source(session, merchant_id, now) for source in SOURCES]
    items = sorted((item for items in by_source for item in items), key=_order)
    told = _histories(session, [item.subscription.id for item in items if item.subscription is not None])
    return Inbox(
        items=tuple(
            replace(item, history=tuple(told.get(item.subscription.id, ()))) if item.subscription is not None else item
            for item in items
        ),
        is_cut=any(len(items) >= LIMIT for items in by_source),
    )


def count(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> int:
    """Count them all in one statement, up to a hundred; requests that wait for a key alone are one with it."""
    one = literal(1)
    rows = (
        select(one).select_from(EndRequest).join(EndRequest.subscription).where(*_requests(merchant_id)),
        select(one).select_from(PayPalAccount).where(*_broken_keys(merchant_id)),
        # As many keys are missing as kinds of subscription have requests that wait for one.
        select(one)
        .select_from(EndRequest)
        .join(EndRequest.subscription)
        .where(*_without_key(merchant_id))
        .group_by(Subscription.provider),
        select(one).select_from(ReceivedRequest).where(*_received(merchant_id)),
        select(one).select_from(EndRequest).join(EndRequest.subscription).where(*_dates(merchant_id)),
        select(one).select_from(ComparisonDifference).where(*_differences(merchant_id)),
        select(one).select_from(ComparisonDifference).where(*_ends_seen(merchant_id, now)),
        select(one).select_from(PayPalEvent).where(*_failed_events(merchant_id)),
        select(one).select_from(Mail).where(*_refused_mails(merchant_id)),
        select(one)
        .select_from(LatePayment)
        .where(LatePayment.merchant_id == merchant_id, LatePayment.state == LateState.OPEN),
        select(one).select_from(PauseRequest).where(*_stuck_pauses(merchant_id)),
    )
    found = union_all(*(select(row.limit(MOST_COUNTED).subquery()) for row in rows)).limit(MOST_COUNTED)
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def missing_date(session: Session, merchant_id: uuid.UUID, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the confirmed end of a subscription whose end of the paid time nobody knows, if that is so."""
    return session.scalars(
        select(EndRequest)
        .join(EndRequest.subscription)
        .where(*_dates(merchant_id), EndRequest.subscription_id == subscription_id)
        .order_by(EndRequest.confirmed_at.desc())
        .limit(1)
    ).first()


def _order(item: Item) -> tuple[bool, bool, float, datetime]:
    at = item.at_risk_at
    return not item.is_money_taken, at is None, at.timestamp() if at is not None else 0.0, item.since


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
        .order_by(Subscription.next_payment_at.nulls_last(), EndRequest.created_at, EndRequest.id)
        .limit(LIMIT)
    )


def requests(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return requests to end that PayPal refuses, or that the portal cannot finish before the next payment."""
    return [
        Item(
            kind=Kind.REQUEST,
            about=request,
            since=request.created_at,
            at_risk_at=request.subscription.next_payment_at,
            subscription=request.subscription,
        )
        for request in session.scalars(_whole_requests(*_requests(merchant_id)))
    ]


def keys(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return the keys that PayPal refuses, and those that are missing, each with the requests that wait for it."""
    found: list[Item] = []
    for account in session.scalars(select(PayPalAccount).where(*_broken_keys(merchant_id))):
        where: tuple[ColumnElement[bool], ...] = (
            _needing(merchant_id),
            _waits_for_broken_key(),
            Subscription.provider == account.provider,
        )
        found.append(_key(session, account.provider, account, where, since=account.broken_since or now))
    for provider in Provider:
        where = (*_without_key(merchant_id), Subscription.provider == provider)
        item = _key(session, provider, None, where, since=now)
        if item.requests:
            found.append(replace(item, since=min(request.created_at for request in item.requests)))
    return found


def _key(
    session: Session,
    provider: Provider,
    account: PayPalAccount | None,
    where: tuple[ColumnElement[bool], ...],
    *,
    since: datetime,
) -> Item:
    waiting = tuple(session.scalars(_whole_requests(*where)))
    counted = select(func.count()).select_from(EndRequest).join(EndRequest.subscription).where(*where)
    return Item(
        kind=Kind.KEY,
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


def received(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return those that nobody has settled; at risk is the next payment of whoever has that address."""
    at_risk = (
        select(func.min(Subscription.next_payment_at))
        .join(Subscription.customer)
        .where(
            Subscription.merchant_id == merchant_id,
            Subscription.status.not_in(ENDED),
            or_(Subscription.id == ReceivedRequest.subscription_id, Customer.email == ReceivedRequest.email),
        )
        .correlate(ReceivedRequest)
        .scalar_subquery()
    )
    subscription = joinedload(ReceivedRequest.subscription)
    rows = session.execute(
        select(ReceivedRequest, at_risk)
        .options(subscription.joinedload(Subscription.customer), subscription.joinedload(Subscription.product))
        .where(*_received(merchant_id))
        .order_by(at_risk.nulls_last(), ReceivedRequest.received_at)
        .limit(LIMIT)
    )
    return [
        Item(kind=Kind.RECEIVED, about=row, since=row.received_at, at_risk_at=at, subscription=row.subscription)
        for row, at in rows
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
    )


def dates(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return ended subscriptions whose customers wait to be told until when they are paid."""
    return [
        Item(kind=Kind.DATE, about=request, since=request.confirmed_at or now, subscription=request.subscription)
        for request in session.scalars(_whole_requests(*_dates(merchant_id)))
    ]


# What the comparison with PayPal found


def _differences(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    """Those of the newest whole comparison that could not be corrected."""
    newest = (
        select(ComparisonRun.id)
        .where(
            ComparisonRun.merchant_id == merchant_id,
            ComparisonRun.state == ComparisonState.DONE,
            ComparisonRun.dry_run.is_(False),
        )
        .order_by(ComparisonRun.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        ComparisonDifference.merchant_id == merchant_id,
        ComparisonDifference.run_id == newest,
        ComparisonDifference.corrected.is_(False),
        ComparisonDifference.error != "",
        ComparisonDifference.seen_at.is_(None),
    )


def _ends_seen(merchant_id: uuid.UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Ends that a comparison found and nobody had asked for here."""
    unasked = exists().where(
        EndRequest.subscription_id == ComparisonDifference.subscription_id, EndRequest.actor == Actor.PROVIDER
    )
    return (
        ComparisonDifference.merchant_id == merchant_id,
        ComparisonDifference.corrected == true(),
        ComparisonDifference.seen_at.is_(None),
        ComparisonDifference.after["status"].astext.in_([literal_column(f"'{one.value}'") for one in sorted(ENDED)]),
        ComparisonDifference.at > now - SEEN_ENDS_FOR,
        unasked,
    )


def differences(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return what differs at PayPal and could not be corrected here."""
    return _found_by_comparison(session, Kind.DIFFERENCE, _differences(merchant_id))


def ends_seen(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return ends that happened at PayPal without a request here: to be known, nothing more."""
    return _found_by_comparison(session, Kind.END_SEEN, _ends_seen(merchant_id, now))


def _found_by_comparison(session: Session, kind: Kind, where: tuple[ColumnElement[bool], ...]) -> list[Item]:
    rows = session.execute(
        select(ComparisonDifference, Subscription)
        .outerjoin(Subscription, Subscription.id == ComparisonDifference.subscription_id)
        .options(joinedload(Subscription.customer), joinedload(Subscription.product))
        .where(*where)
        .order_by(Subscription.next_payment_at.nulls_last(), ComparisonDifference.at)
        .limit(LIMIT)
    )
    return [
        Item(
            kind=kind,
            about=row,
            since=row.at,
            at_risk_at=subscription.next_payment_at if subscription is not None else None,
            subscription=subscription,
        )
        for row, subscription in rows
    ]


# Messages: PayPal's that could not be handled, ours that could not be delivered


def _failed_events(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (PayPalEvent.merchant_id == merchant_id, PayPalEvent.state == EventState.FAILED)


def _refused_mails(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (Mail.merchant_id == merchant_id, Mail.state == MailState.REFUSED, Mail.seen_at.is_(None))


def events(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return PayPal's messages that were given up after days."""
    rows = session.scalars(
        select(PayPalEvent)
        .options(defer(PayPalEvent.body))
        .where(*_failed_events(merchant_id))
        .order_by(PayPalEvent.received_at.desc())
        .limit(LIMIT)
    )
    return [Item(kind=Kind.EVENT, about=row, since=row.received_at) for row in rows]


def mails(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return messages that the mail server refused for good and that nobody has looked at."""
    rows = session.execute(
        select(Mail, Subscription)
        .outerjoin(EndRequest, EndRequest.id == Mail.end_request_id)
        .outerjoin(Subscription, Subscription.id == EndRequest.subscription_id)
        .options(joinedload(Subscription.customer), joinedload(Subscription.product), defer(Mail.content))
        .where(*_refused_mails(merchant_id))
        .order_by(Mail.created_at.desc())
        .limit(LIMIT)
    )
    return [Item(kind=Kind.MAIL, about=mail, since=mail.created_at, subscription=row) for mail, row in rows]


# Money that came after an end, and pauses that PayPal holds up


def late_money(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return payments after an end that are neither given back nor explained."""
    return [
        Item(
            kind=Kind.LATE_PAYMENT,
            about=alarm,
            since=alarm.late.created_at,
            is_money_taken=True,
            subscription=alarm.late.subscription,
        )
        for alarm in late_payments.needing_merchant(session, merchant_id, limit=LIMIT)
    ]


def _stuck_pauses(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (PauseRequest.merchant_id == merchant_id, PauseRequest.state == PauseState.NEEDS_MERCHANT)


def pauses(session: Session, merchant_id: uuid.UUID, now: datetime) -> list[Item]:
    """Return requests to pause or to resume that the portal cannot finish alone."""
    rows = session.scalars(
        select(PauseRequest)
        .join(PauseRequest.subscription)
        .options(
            joinedload(PauseRequest.subscription).joinedload(Subscription.customer),
            joinedload(PauseRequest.subscription).joinedload(Subscription.product),
        )
        .where(*_stuck_pauses(merchant_id))
        .order_by(Subscription.next_payment_at.nulls_last(), PauseRequest.created_at, PauseRequest.id)
        .limit(LIMIT)
    )
    return [
        Item(
            kind=Kind.PAUSE,
            about=row,
            since=row.created_at,
            at_risk_at=row.subscription.next_payment_at,
            subscription=row.subscription,
        )
        for row in rows
    ]


SOURCES: Final[tuple[Callable[[Session, uuid.UUID, datetime], list[Item]], ...]] = (
    requests,
    keys,
    received,
    dates,
    late_money,
    pauses,
    differences,
    ends_seen,
    events,
    mails,
)


def _histories(session: Session, subscription_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[TimelineEntry]]:
    """Return the newest facts of each subscription, newest first."""
    if not subscription_ids:
        return {}
    place = func.row_number().over(
        partition_by=TimelineEntry.subscription_id, order_by=(TimelineEntry.at.desc(), TimelineEntry.id)
    )
    numbered = (
        select(TimelineEntry.id, place.label("place"))
        .where(TimelineEntry.subscription_id.in_(set(subscription_ids)))
        .subquery()
    )
    rows = session.scalars(
        select(TimelineEntry)
        .join(numbered, numbered.c.id == TimelineEntry.id)
        .where(numbered.c.place <= HISTORY)
        .order_by(TimelineEntry.at.desc(), TimelineEntry.id)
    )
    told: dict[uuid.UUID, list[TimelineEntry]] = {}
    for entry in rows:
        told.setdefault(entry.subscription_id, []).append(entry)
    return told
