"""What was found: differences from PayPal, ends seen there, money after an end, messages that reached nobody."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, literal, literal_column, select, true
from sqlalchemy.orm import Session, defer, joinedload

from portal.domain.late_payments import LateState
from portal.domain.policies import Actor
from portal.domain.subscriptions import ENDED
from portal.models import (
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    EndRequest,
    EventState,
    LatePayment,
    Mail,
    MailState,
    PayPalEvent,
    Subscription,
)
from portal.queries.inbox.items import Item, Kind, Place
from portal.queries.money import late_payments

SEEN_ENDS_FOR: Final = timedelta(days=30)  # an end found at PayPal is news no longer than that


def counted(merchant_id: uuid.UUID, now: datetime) -> tuple[Select[Any], ...]:
    """Return a row for each thing of each kind."""
    one = literal(1)
    return (
        select(one).select_from(ComparisonDifference).where(*_differences(merchant_id)),
        select(one).select_from(ComparisonDifference).where(*_ends_seen(merchant_id, now)),
        select(one).select_from(PayPalEvent).where(*_failed_events(merchant_id)),
        select(one).select_from(Mail).where(*_refused_mails(merchant_id)),
        select(one)
        .select_from(LatePayment)
        .where(LatePayment.merchant_id == merchant_id, LatePayment.state == LateState.OPEN),
    )


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


def differences(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return what differs at PayPal and could not be corrected here."""
    return _found_by_comparison(session, Kind.DIFFERENCE, _differences(merchant_id), place)


def ends_seen(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return ends that happened at PayPal without a request here: to be known, nothing more."""
    return _found_by_comparison(session, Kind.END_SEEN, _ends_seen(merchant_id, now), place)


def _found_by_comparison(
    session: Session, kind: Kind, where: tuple[ColumnElement[bool], ...], place: Place
) -> list[Item]:
    whole = (
        select(ComparisonDifference, Subscription)
        .outerjoin(Subscription, Subscription.id == ComparisonDifference.subscription_id)
        .options(joinedload(Subscription.customer), joinedload(Subscription.product))
        .where(*where)
    )
    at, since = Subscription.next_payment_at, ComparisonDifference.at
    rows = session.execute(place.narrow(whole, id=ComparisonDifference.id, since=since, at=at))
    return [
        Item(
            kind=kind,
            id=row.id,
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


def events(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return PayPal's messages that were given up after days."""
    whole = select(PayPalEvent).options(defer(PayPalEvent.body)).where(*_failed_events(merchant_id))
    rows = session.scalars(place.narrow(whole, id=PayPalEvent.id, since=PayPalEvent.received_at))
    return [Item(kind=Kind.EVENT, id=row.id, about=row, since=row.received_at) for row in rows]


def mails(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return messages that the mail server refused for good and that nobody has looked at."""
    whole = (
        select(Mail, Subscription)
        .outerjoin(EndRequest, EndRequest.id == Mail.end_request_id)
        .outerjoin(Subscription, Subscription.id == EndRequest.subscription_id)
        .options(joinedload(Subscription.customer), joinedload(Subscription.product), defer(Mail.content))
        .where(*_refused_mails(merchant_id))
    )
    rows = session.execute(place.narrow(whole, id=Mail.id, since=Mail.created_at))
    return [Item(kind=Kind.MAIL, id=mail.id, about=mail, since=mail.created_at, subscription=row) for mail, row in rows]


# Money that came after an end


def late_money(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return payments after an end that are neither given back nor explained."""

    def page(whole: Select[LatePayment]) -> Select[LatePayment]:
        narrowed: Select[LatePayment] = place.narrow(whole, id=LatePayment.id, since=LatePayment.created_at, taken=True)
        return narrowed

    return [
        Item(
            kind=Kind.LATE_PAYMENT,
            id=alarm.late.id,
            about=alarm,
            since=alarm.late.created_at,
            is_money_taken=True,
            subscription=alarm.late.subscription,
        )
        for alarm in late_payments.needing_merchant(session, merchant_id, page)
    ]
