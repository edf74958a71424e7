"""From the filter of a list to SQL: the one translation that lists, bulk acts, exports and figures share."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true, union_all
from sqlalchemy.orm import Session

from portal.domain.desk.figures import CHARGED
from portal.domain.desk.list_filters import ANY_DAY, Days
from portal.domain.desk.subscription_filters import LATE_AFTER, Answer, KeyKind, SubscriptionFilter
from portal.domain.ends.bulk_acts import MOST_ROWS
from portal.domain.ends.end_requests import RequestState
from portal.domain.law.offers import OfferAnswer
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import Customer, EndRequest, OfferAnswered, Provider, Subscription
from portal.queries import inbox
from portal.queries.desk import searches

MOST_COUNTED: Final = MOST_ROWS  # beyond it a list says « more than »: as far as a bulk act goes
PROVIDER: Final = {KeyKind.REST: Provider.PAYPAL_REST, KeyKind.CLASSIC: Provider.PAYPAL_CLASSIC}
CONFIRMED: Final = (RequestState.CONFIRMED, RequestState.CLOSED)
DUE: Final = (Status.ACTIVE,)  # whose payments come by themselves


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Whose list it is, and what time it is there."""

    merchant_id: uuid.UUID
    time_zone: str
    now: datetime


@dataclass(frozen=True)
class Total:
    """How many there are; `is_more`: at least so many, the rest is not counted."""

    number: int
    is_more: bool = False


def matching(session: Session, whose: Whose, wanted: SubscriptionFilter, *, most: int | None) -> Select[uuid.UUID]:
    """Return the ids of what the filter finds, `most` at most, in no order."""
    alone = _told_elsewhere(whose, wanted) if not wanted.search and len(wanted.narrowing()) == 1 else None
    if alone is not None:
        return alone.limit(most)
    which = conditions(whose, wanted)
    if wanted.search:
        sought = searches.sought(session, wanted.search)
        found = searches.subscriptions(whose.merchant_id, sought, which, most=most or MOST_COUNTED)
        which = [Subscription.id.in_(found)]
    return select(Subscription.id).where(*which).limit(most)


def _told_elsewhere(whose: Whose, wanted: SubscriptionFilter) -> Select[uuid.UUID] | None:
    """Return the ids from an index that tells of what is wanted, None where there is none.

    For a filter that is alone: its subscriptions need not be looked at, one by one, to be counted.
    """
    if wanted.email is not None:
        return _without_email(whose)
    if wanted.planned is Answer.YES:
        return _planned(whose)
    if wanted.reasons:
        return _given(whose.merchant_id, wanted.reasons).distinct()
    if wanted.offers:
        return _answered(whose.merchant_id, wanted.offers).distinct()
    if wanted.late:
        mine = select(Subscription.id).where(Subscription.merchant_id == whose.merchant_id)
        return select(union_all(*(mine.where(way) for way in _ways_to_be_late(whose.now, tuple(Status)))).subquery())
    if wanted.needs_you:
        about = inbox.subscriptions(whose.merchant_id, whose.now).subquery().c[0]
        return select(about).where(about.is_not(None)).distinct()
    return None


def _without_email(whose: Whose) -> Select[uuid.UUID]:
    """Return the ids of what those without an address have: from them on, else all subscriptions are gone through.

    Whose it is, is not asked of each: to count them, the index of customers is all that is read.
    """
    theirs = select(Subscription.id).where(Subscription.customer_id == Customer.id).offset(0).lateral()
    return select(theirs.c.id).select_from(Customer).join(theirs, true()).where(*without_email(whose.merchant_id))


def total(session: Session, whose: Whose, wanted: SubscriptionFilter, *, most: int | None = MOST_COUNTED) -> Total:
    """Count what the filter finds, up to `most`; None counts it all, which no page has the time for."""
    return counted(session, lambda limit: matching(session, whose, wanted, most=limit), most=most)


def counted(session: Session, found: Callable[[int | None], Select[uuid.UUID]], *, most: int | None) -> Total:
    """Count what is found up to a limit."""
    rows = found(most + 1 if most is not None else None).subquery()
    number = session.execute(select(func.count()).select_from(rows)).scalar_one()
    return Total(most, is_more=True) if most is not None and number > most else Total(number)


def conditions(whose: Whose, wanted: SubscriptionFilter) -> list[ColumnElement[bool]]:
    """Return what narrows to the merchant's subscriptions that the filter finds, apart from its search."""
    which: list[ColumnElement[bool]] = [Subscription.merchant_id == whose.merchant_id]
    for column, values in (
        (Subscription.status, wanted.states),
        (Subscription.product_id, wanted.products),
        (Subscription.plan_id, wanted.plans),
        (Subscription.provider, tuple(PROVIDER[kind] for kind in wanted.keys)),
        (Subscription.ended_by, wanted.ended_by),
    ):
        if values:
            which.append(column.in_(values) if len(values) > 1 else column == values[0])
    for moment, days in (
        (Subscription.started_at, wanted.started),
        (Subscription.ended_at, wanted.ended),
        (Subscription.next_payment_at, wanted.next),
    ):
        which += within(moment, days, whose.time_zone)
    return which + _of_what_hangs_on_it(whose, wanted)


def _of_what_hangs_on_it(whose: Whose, wanted: SubscriptionFilter) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = []
    if wanted.environment is not None:
        which.append(Subscription.environment == wanted.environment)
    if wanted.late:
        which.append(_is_late(whose.now, wanted.states or tuple(Status)))
    if wanted.failed:
        which.append(Subscription.failed_payments > 0)
    if wanted.planned is not None:
        planned = Subscription.id.in_(_planned(whose))
        which.append(planned if wanted.planned is Answer.YES else ~planned)
    if wanted.email is not None:
        which.append(Subscription.customer_id.in_(select(Customer.id).where(*without_email(whose.merchant_id))))
    if wanted.reasons:
        which.append(Subscription.id.in_(_given(whose.merchant_id, wanted.reasons)))
    if wanted.offers:
        which.append(Subscription.id.in_(_answered(whose.merchant_id, wanted.offers)))
    if wanted.confirmed != ANY_DAY:
        days = within(EndRequest.confirmed_at, wanted.confirmed, whose.time_zone)
        which.append(
            Subscription.id.in_(select(EndRequest.subscription_id).where(*confirmed(whose.merchant_id), *days))
        )
    if wanted.revenue:
        which += _worth(wanted.revenue)
    if wanted.needs_you:
        which.append(Subscription.id.in_(inbox.subscriptions(whose.merchant_id, whose.now)))
    return which


def within(moment: Any, days: Days, time_zone: str) -> list[ColumnElement[bool]]:
    """Return what narrows a moment to days of the merchant's calendar, whole: one of a change of hour is longer."""
    which: list[ColumnElement[bool]] = []
    if days.first is not None:
        which.append(moment >= beginning(days.first, time_zone))
    if days.last is not None and days.last < date.max:
        which.append(moment < beginning(days.last + timedelta(days=1), time_zone))
    return which


def beginning(day: date, time_zone: str) -> datetime:
    """Return the day's first moment there; of the first days and years that no clock knows, as UTC."""
    zone = ZoneInfo(time_zone) if 1 < day.year < date.max.year else UTC
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def without_email(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    """Return what narrows to customers whose address nobody knows; who was erased has none, and needs none."""
    return Customer.merchant_id == merchant_id, Customer.email.is_(None), Customer.erased_at.is_(None)


def _is_late(now: datetime, states: Collection[Status]) -> ColumnElement[bool]:
    """Say it of those in one of the states: what none of them can be would keep the index of dates from being used."""
    return or_(false(), *_ways_to_be_late(now, states))


def _ways_to_be_late(now: datetime, states: Collection[Status]) -> list[ColumnElement[bool]]:
    """Return each way to be late in one of the states; nothing is late in two."""
    overdue = and_(Subscription.status.in_(DUE), Subscription.next_payment_at < now - LATE_AFTER)
    is_unpaid, is_due = Status.PAST_DUE in states, bool({*DUE} & {*states})
    return [*([Subscription.status == Status.PAST_DUE] if is_unpaid else []), *([overdue] if is_due else [])]


def _worth(currencies: tuple[str, ...]) -> list[ColumnElement[bool]]:
    """Return what narrows to those that count in the monthly revenue: as `figures_of` of migration 0068 does."""
    monthly = func.figure_monthly(Subscription.amount, Subscription.interval_unit, Subscription.interval_count)
    return [
        Subscription.status.in_(CHARGED),
        Subscription.last_payment_at.is_not(None),
        Subscription.currency.in_(currencies),
        monthly != 0,
    ]


def _planned(whose: Whose) -> Select[uuid.UUID]:
    """Return the ids of those whose end waits for its day (`end_requests.is_planned`)."""
    return select(EndRequest.subscription_id).where(*is_planned(whose, EndRequest))


def is_planned(whose: Whose, request: type[EndRequest]) -> tuple[ColumnElement[bool], ...]:
    """Return what narrows requests, or an alias of them, to those that wait for their day."""
    mine = request.merchant_id == whose.merchant_id
    return mine, request.state == RequestState.RECORDED, request.due_at > whose.now


def _answered(merchant_id: uuid.UUID, answers: tuple[OfferAnswer, ...]) -> Select[uuid.UUID]:
    """Return the ids of those beside which the offer was answered so."""
    return select(OfferAnswered.subscription_id).where(
        OfferAnswered.merchant_id == merchant_id, OfferAnswered.answer.in_(answers)
    )


def confirmed(merchant_id: Any) -> tuple[ColumnElement[bool], ...]:
    """Return what narrows requests to ends that customers asked for and PayPal has confirmed."""
    is_theirs = EndRequest.actor == Actor.CUSTOMER
    return EndRequest.merchant_id == merchant_id, is_theirs, EndRequest.state.in_(CONFIRMED)


def _given(merchant_id: uuid.UUID, reasons: tuple[str, ...]) -> Select[uuid.UUID]:
    """Return the ids of those for which a request that was not taken back gives one of the reasons."""
    return select(EndRequest.subscription_id).where(
        EndRequest.merchant_id == merchant_id,
        EndRequest.reason_code != "",
        EndRequest.reason_code.in_(reasons),
        EndRequest.state != RequestState.WITHDRAWN,
    )
