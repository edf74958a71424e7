"""What was found: differences from PayPal, ends seen there, money after an end, messages that reached nobody,
addresses that are contested.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, literal, literal_column, or_, select, true
from sqlalchemy import and_ as both
from sqlalchemy.orm import Session, aliased, defer

from portal.domain.people.bounces import PROMISED, TO_MERCHANTS
from portal.domain.policies import Actor
from portal.domain.subscriptions import ENDED
from portal.models import (
    AccountMember,
    AddressHold,
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    Customer,
    EndRequest,
    EventState,
    LatePayment,
    Mail,
    MailState,
    Merchant,
    Payment,
    PayPalEvent,
    Refund,
    Settlement,
    Subscription,
)
from portal.queries import mails as stored_mails
from portal.queries.comparisons import comparisons
from portal.queries.inbox.items import EPOCH, MERCHANT, MOMENT, Item, Kind, Place, Way, about_its_subscription
from portal.queries.money import late_payments
from portal.queries.money import refunds as stored_refunds
from portal.queries.money import settlements as stored_settlements
from portal.queries.people import account_members, address_holds
from portal.queries.people.known_numbers import ENVIRONMENTS

SEEN_ENDS_FOR: Final = timedelta(days=30)  # an end found at PayPal is news no longer than that


def news_since(now: datetime) -> datetime:
    """Return since when an end that was found is news."""
    return now - SEEN_ENDS_FOR


def counted() -> tuple[Select[Any], ...]:
    """Return a row for each thing of each kind."""
    one = literal(1)
    return (
        select(one).select_from(ComparisonDifference).where(*_differences()),
        select(one).select_from(ComparisonDifference).where(*_ends_seen()),
        select(one).select_from(PayPalEvent).where(*_failed_events()),
        select(one).select_from(Mail).where(*_refused_mails()),
        select(one).select_from(Mail).where(*_put_off_mails()),
        select(one).select_from(Mail).where(*_returned_mails()),
        select(one).select_from(LatePayment).where(*late_payments.OPEN),
        select(one).select_from(Refund).where(*stored_refunds.stuck()),
        select(one).select_from(AddressHold).where(AddressHold.merchant_id == MERCHANT, *address_holds.waiting()),
        select(one).select_from(Settlement).where(*stored_settlements.stuck()),
    )


def about() -> tuple[Select[Any], ...]:
    """Return the id of each subscription that one of these things is about."""
    different = select(ComparisonDifference.subscription_id).where(ComparisonDifference.subscription_id.is_not(None))
    told = select(EndRequest.subscription_id).join(Mail, Mail.end_request_id == EndRequest.id)
    return (
        different.where(*_differences()),
        different.where(*_ends_seen()),
        told.where(*_refused_mails()),
        told.where(*_put_off_mails()),
        told.where(*_returned_mails()),
        select(LatePayment.subscription_id).where(*late_payments.OPEN),
        select(Refund.subscription_id).where(*stored_refunds.stuck()),
        select(Settlement.subscription_id).where(*stored_settlements.stuck()),
    )


def about_customers() -> tuple[Select[Any], ...]:
    """Return the id of each customer whom one of these things is about, whatever they have."""
    mailed = select(Mail.customer_id).where(Mail.customer_id.is_not(None))
    return (
        mailed.where(*_refused_mails()),
        mailed.where(*_put_off_mails()),
        mailed.where(*_returned_mails()),
        select(AddressHold.customer_id).where(AddressHold.merchant_id == MERCHANT, *address_holds.waiting()),
    )


# What the comparison with PayPal found


def _differences() -> tuple[ColumnElement[bool], ...]:
    """Those that could not be corrected, and of which no comparison has said anything since.

    Of each environment they stand until its next whole comparison: the short ones before payments leave out what
    could not be read a moment ago, and one that was broken off may not have come as far.
    """
    run, later, its_run = ComparisonRun, aliased(ComparisonDifference), aliased(ComparisonRun)
    mine = run.merchant_id == MERCHANT, run.state == ComparisonState.DONE, run.dry_run.is_(False)
    said_anew = exists().where(
        later.subscription_id == ComparisonDifference.subscription_id,
        later.at > ComparisonDifference.at,
        its_run.id == later.run_id,
        its_run.state == ComparisonState.DONE,
        its_run.dry_run.is_(False),
    )
    return (
        ComparisonDifference.merchant_id == MERCHANT,
        ComparisonDifference.run_id.in_(select(run.id).where(*mine, or_(*_since_the_last_whole_one()))),
        ComparisonDifference.corrected.is_(False),
        ComparisonDifference.error != "",
        ComparisonDifference.seen_at.is_(None),
        ~said_anew,
    )


def _since_the_last_whole_one() -> list[ColumnElement[bool]]:
    """Return, of each environment, its newest whole comparison and all that were begun after it."""
    newest = aliased(ComparisonRun)
    whole = comparisons.whole(newest)
    found = []
    for one in ENVIRONMENTS:
        begun = select(newest.created_at).where(newest.merchant_id == MERCHANT, newest.environment == one, *whole)
        last = begun.order_by(newest.created_at.desc()).limit(1).scalar_subquery()
        since = func.coalesce(last, literal(EPOCH, MOMENT))
        found.append(both(ComparisonRun.environment == one, ComparisonRun.created_at >= since))
    return found


def _ends_seen() -> tuple[ColumnElement[bool], ...]:
    """Ends that a comparison found and nobody had asked for here."""
    unasked = exists().where(
        EndRequest.subscription_id == ComparisonDifference.subscription_id, EndRequest.actor == Actor.PROVIDER
    )
    return (
        ComparisonDifference.merchant_id == MERCHANT,
        ComparisonDifference.corrected == true(),
        ComparisonDifference.seen_at.is_(None),
        ComparisonDifference.after["status"].astext.in_([literal_column(f"'{one.value}'") for one in sorted(ENDED)]),
        ComparisonDifference.at > bindparam("news_since"),
        unasked,
    )


def differences(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return what differs at PayPal and could not be corrected here."""
    return _found_by_comparison(session, Kind.DIFFERENCE, place, merchant_id=merchant_id)


def ends_seen(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return ends that happened at PayPal without a request here: to be known, nothing more."""
    return _found_by_comparison(session, Kind.END_SEEN, place, merchant_id=merchant_id, news_since=news_since(now))


def _found_by_comparison(session: Session, kind: Kind, place: Place, **which: object) -> list[Item]:
    rows = session.execute(_page_of_differences(kind, place.way), which | place.values)
    return [
        Item(
            kind=kind,
            id=row.id,
            about=row,
            since=row.at,
            at_risk_at=at,
            subscription_id=subscription_id,
        )
        for row, subscription_id, at in rows
    ]


@cache
def _page_of_differences(kind: Kind, way: Way) -> Select[ComparisonDifference, uuid.UUID | None, datetime | None]:
    whole = (
        select(ComparisonDifference, Subscription.id, Subscription.next_payment_at)
        .outerjoin(Subscription, Subscription.id == ComparisonDifference.subscription_id)
        .where(*(_ends_seen() if kind is Kind.END_SEEN else _differences()))
    )
    since, at = ComparisonDifference.at, Subscription.next_payment_at
    return way.narrow(whole, id=ComparisonDifference.id, since=since, at=at)


# Messages: PayPal's that could not be handled, ours that could not be delivered


def _failed_events() -> tuple[ColumnElement[bool], ...]:
    return (PayPalEvent.merchant_id == MERCHANT, PayPalEvent.state == EventState.FAILED)


def _refused_mails() -> tuple[ColumnElement[bool], ...]:
    return (Mail.merchant_id == MERCHANT, Mail.state == MailState.REFUSED, Mail.seen_at.is_(None))


def _put_off_mails() -> tuple[ColumnElement[bool], ...]:
    """Those that the promise rests on, and that a mailbox has not taken for a day: they may wait there for weeks."""
    return (Mail.merchant_id == MERCHANT, stored_mails.is_put_off(), _promised(), Mail.seen_at.is_(None))


def _promised() -> ColumnElement[bool]:
    return Mail.kind.in_([literal_column(f"'{kind}'") for kind in sorted(PROMISED)])


def _returned_mails() -> tuple[ColumnElement[bool], ...]:
    """Those that the promise rests on; what told the merchant counts while they are still told at that address."""
    theirs = _promised()
    told_elsewhere = exists().where(Merchant.id == Mail.merchant_id, Merchant.support_email != Mail.recipient)
    ours = both(Mail.kind.startswith(TO_MERCHANTS, autoescape=True), ~told_elsewhere)
    return (Mail.merchant_id == MERCHANT, Mail.state == MailState.RETURNED, Mail.seen_at.is_(None), or_(theirs, ours))


def events(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return PayPal's messages that were given up after days."""
    rows = session.scalars(_page_of_events(place.way), {"merchant_id": merchant_id, **place.values})
    return [Item(kind=Kind.EVENT, id=row.id, about=row, since=row.received_at) for row in rows]


@cache
def _page_of_events(way: Way) -> Select[PayPalEvent]:
    whole = select(PayPalEvent).options(defer(PayPalEvent.body)).where(*_failed_events())
    return way.narrow(whole, id=PayPalEvent.id, since=PayPalEvent.received_at)


def mails(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return messages that the mail server refused for good, or never takes, and that nobody has looked at."""
    return _mails(session, Kind.MAIL, merchant_id, place)


def returned_mails(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return messages of the promise that came back, until the address is mended or they are sent anew."""
    return _mails(session, Kind.MAIL_RETURNED, merchant_id, place)


def _mails(session: Session, kind: Kind, merchant_id: uuid.UUID, place: Place) -> list[Item]:
    rows = session.execute(_page_of_mails(kind, place.way), {"merchant_id": merchant_id, **place.values})
    return [
        Item(kind=kind, id=mail.id, about=mail, since=mail.created_at, subscription_id=of, copied_to=member)
        for mail, of, member in rows
    ]


@cache
def _page_of_mails(kind: Kind, way: Way) -> Select[Mail, uuid.UUID | None, AccountMember | None]:
    found = (_returned_mails(),) if kind is Kind.MAIL_RETURNED else (_refused_mails(), _put_off_mails())
    whole = (
        select(Mail, EndRequest.subscription_id, AccountMember)
        .outerjoin(EndRequest, EndRequest.id == Mail.end_request_id)
        .outerjoin(AccountMember, account_members.is_copy_for())
        .options(defer(Mail.content))
        .where(or_(*(both(*one) for one in found)))
    )
    return way.narrow(whole, id=Mail.id, since=Mail.created_at)


# Changes of address that their former mailbox contests


def held_addresses(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return changes of address that somebody held, and that nobody has decided."""
    rows = session.execute(_page_of_holds(place.way), {"merchant_id": merchant_id, **place.values})
    return [
        Item(kind=Kind.ADDRESS, id=hold.id, about=(hold, customer), since=hold.held_at or now)
        for hold, customer in rows
    ]


@cache
def _page_of_holds(way: Way) -> Select[AddressHold, Customer]:
    whole = (
        select(AddressHold, Customer)
        .join(Customer, Customer.id == AddressHold.customer_id)
        .where(AddressHold.merchant_id == MERCHANT, *address_holds.waiting())
    )
    return way.narrow(whole, id=AddressHold.id, since=AddressHold.held_at)


# Money that came after an end


def late_money(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return payments after an end that are neither given back nor explained."""
    found = late_payments.needing_merchant(session, merchant_id, _page_of_late_money(place.way), **place.values)
    return [
        about_its_subscription(
            Kind.LATE_PAYMENT, alarm.late, about=alarm, since=alarm.late.created_at, is_money_taken=True
        )
        for alarm in found
    ]


@cache
def _page_of_late_money(way: Way) -> Select[LatePayment]:
    since = LatePayment.created_at
    return way.narrow(late_payments.needing(), id=LatePayment.id, since=since, taken=True)


# Refunds that PayPal did not do


def refunds(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return refunds that wait for the merchant, or failed lately."""
    since = stored_refunds.failed_since(now)
    rows = session.execute(
        _page_of_refunds(place.way), {"merchant_id": merchant_id, "failed_since": since, **place.values}
    )
    return [
        about_its_subscription(Kind.REFUND, row, about=(row, payment), since=row.created_at) for row, payment in rows
    ]


@cache
def _page_of_refunds(way: Way) -> Select[Refund, Payment]:
    return way.narrow(stored_refunds.needing(), id=Refund.id, since=Refund.created_at)


# Settlements of which PayPal has said nothing clear


def settlements(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return what customers let PayPal take, and of which nobody knows since a day whether it was."""
    rows = session.scalars(_page_of_settlements(place.way), {"merchant_id": merchant_id, **place.values})
    return [about_its_subscription(Kind.SETTLEMENT, row, since=row.created_at) for row in rows]


@cache
def _page_of_settlements(way: Way) -> Select[Settlement]:
    return way.narrow(stored_settlements.needing(), id=Settlement.id, since=Settlement.created_at)
