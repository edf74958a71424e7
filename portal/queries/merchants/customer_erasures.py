"""Every SELECT of a customer's erasure: what it waits for, what it may touch, and what the law has kept."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Text,
    and_,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from portal.domain.ends import comebacks, pauses
from portal.domain.ends.end_requests import OPEN, RequestState
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.law.withdrawals import RefundDuty
from portal.domain.money import refunds, settlements
from portal.domain.money.late_payments import LateState
from portal.domain.money.refunds import WithEndState
from portal.domain.people.address_holds import HoldOutcome
from portal.domain.people.bounces import TRIES_IN_VAIN
from portal.domain.people.customer_erasures import OUT_OF_REACH, ErasureState, Hold
from portal.domain.subscriptions import LIVE
from portal.models import (
    AddressHold,
    Comeback,
    Customer,
    CustomerErasure,
    EndRefund,
    EndRequest,
    ErasedPayer,
    LatePayment,
    Mail,
    MailState,
    MerchantNews,
    PauseRequest,
    Payment,
    Proof,
    ReceivedRequest,
    Refund,
    RenewalRefund,
    Settlement,
    Subscription,
    Withdrawal,
)


def newest_of(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> CustomerErasure | None:
    """Return the customer's last wish, open, done or withdrawn; None where there never was one."""
    return session.scalars(
        select(CustomerErasure)
        .where(CustomerErasure.merchant_id == merchant_id, CustomerErasure.customer_id == customer_id)
        .order_by(CustomerErasure.created_at.desc(), CustomerErasure.id)
        .limit(1)
    ).one_or_none()


def lock(session: Session, erasure_id: uuid.UUID) -> CustomerErasure:
    """Return one, locked. The locks of subscriptions and of the customer are taken before it."""
    return session.scalars(
        select(CustomerErasure)
        .where(CustomerErasure.id == erasure_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def is_open_of(session: Session, *customer_ids: uuid.UUID) -> bool:
    """Say whether one of them has asked to be erased, and is not yet."""
    theirs = CustomerErasure.customer_id.in_(customer_ids), CustomerErasure.state == ErasureState.OPEN
    return bool(session.scalar(select(exists().where(*theirs))))


def open_ones(session: Session) -> list[uuid.UUID]:
    """Return every wish that is to be carried on, the oldest first."""
    statement = select(CustomerErasure.id).where(CustomerErasure.state == ErasureState.OPEN)
    return list(session.scalars(statement.order_by(CustomerErasure.created_at, CustomerErasure.id)))


def subscriptions_of(customer_id: uuid.UUID) -> Select[uuid.UUID]:
    """Select the ids of the customer's subscriptions."""
    return select(Subscription.id).where(Subscription.customer_id == customer_id)


def requests_of(customer_id: uuid.UUID) -> Select[uuid.UUID]:
    """Select the ids of the requests to end them."""
    return select(EndRequest.id).where(EndRequest.subscription_id.in_(subscriptions_of(customer_id)))


def was_asked_by_a_stranger(session: Session, erasure: CustomerErasure) -> bool:
    """Say whether staff have given the address back it was asked from: then the customer did not ask."""
    taken = exists().where(
        AddressHold.customer_id == erasure.customer_id,
        AddressHold.outcome == HoldOutcome.RESTORED,
        AddressHold.created_at <= erasure.created_at,
        AddressHold.decided_at >= erasure.created_at,
    )
    return bool(session.scalar(select(taken)))


def lock_subscriptions(session: Session, customer_id: uuid.UUID) -> list[uuid.UUID]:
    """Lock the customer's subscriptions in one order, and return their ids."""
    statement = subscriptions_of(customer_id).order_by(Subscription.id).with_for_update(key_share=True)
    return list(session.scalars(statement))


def to_be_ended(session: Session, customer_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the subscriptions that live, and whose end nobody has asked for by any way."""
    asked = exists().where(EndRequest.subscription_id == Subscription.id, EndRequest.state.in_(OPEN))
    notified = exists().where(
        ReceivedRequest.subscription_id == Subscription.id, ReceivedRequest.state == ReceivedState.OPEN
    )
    live = subscriptions_of(customer_id).where(Subscription.status.in_(LIVE), ~asked, ~notified)
    return list(session.scalars(live.order_by(Subscription.created_at, Subscription.id)))


def holds(session: Session, customer: Customer, *, now: datetime) -> dict[Hold, int]:
    """Return what the erasure waits for, and how many of each."""
    theirs = subscriptions_of(customer.id)

    def count(row: Any, *where: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).select_from(row).where(*where)) or 0

    of_theirs = EndRequest.subscription_id.in_(theirs), EndRequest.state.in_(OPEN)
    planned = count(EndRequest, *of_theirs, EndRequest.state == RequestState.RECORDED, EndRequest.due_at > now)
    about_them = or_(
        ReceivedRequest.subscription_id.in_(theirs),
        (ReceivedRequest.email == customer.email) if customer.email else ReceivedRequest.id.is_(None),
    )
    # One that was tried has begun to leave: a worker has it in hand, or its next try lies ahead.  One that may leave
    # as soon as it is written may have been written after `now`.
    is_leaving = or_(Mail.send_at <= now, Mail.send_at <= Mail.created_at, Mail.attempts > 0)
    waiting = Mail.state == MailState.WAITING, is_leaving
    # Nobody is kept for ever for a mailbox of theirs that puts everything off.
    in_vain = and_(
        Mail.customer_id.is_not_distinct_from(customer.id),
        Mail.attempts >= TRIES_IN_VAIN,
        Mail.created_at < now - OUT_OF_REACH,
    )
    found = {
        Hold.LIVE: len(to_be_ended(session, customer.id)),
        Hold.NOTICE: count(
            ReceivedRequest,
            ReceivedRequest.merchant_id == customer.merchant_id,
            ReceivedRequest.state == ReceivedState.OPEN,
            about_them,
        ),
        Hold.PLANNED_END: planned,
        Hold.END: count(EndRequest, *of_theirs) - planned,
        Hold.PAUSE: count(PauseRequest, PauseRequest.subscription_id.in_(theirs), PauseRequest.state.in_(pauses.OPEN)),
        Hold.COMEBACK: count(Comeback, Comeback.customer_id == customer.id, Comeback.state.in_(comebacks.OPEN)),
        Hold.REFUND: count(Refund, Refund.subscription_id.in_(theirs), Refund.state.in_(refunds.OPEN))
        + count(
            EndRefund,
            EndRefund.end_request_id.in_(requests_of(customer.id)),
            EndRefund.state == WithEndState.WAITING,
        )
        # Owed by law, and not made yet.
        + count(Withdrawal, Withdrawal.subscription_id.in_(theirs), Withdrawal.refund == RefundDuty.OPEN)
        + count(RenewalRefund, RenewalRefund.subscription_id.in_(theirs), RenewalRefund.settled_at.is_(None)),
        Hold.SETTLEMENT: count(
            Settlement,
            Settlement.subscription_id.in_(theirs),
            or_(
                Settlement.state.in_(settlements.UNDER_WAY),
                # What nobody can read at PayPal any more stays so: nothing comes of it after that time.
                and_(Settlement.state.in_(settlements.OPEN), Settlement.created_at > now - settlements.GIVE_UP),
            ),
        ),
        Hold.ADDRESS: count(
            AddressHold,
            AddressHold.customer_id == customer.id,
            AddressHold.outcome.is_(None),
            or_(AddressHold.held_at.is_not(None), AddressHold.expires_at > now),
        ),
        Hold.LATE_PAYMENT: count(
            LatePayment, LatePayment.subscription_id.in_(theirs), LatePayment.state == LateState.OPEN
        ),
        Hold.MAIL: count(Mail, *waiting, ~in_vain, or_(Mail.customer_id == customer.id, is_about(customer.id))),
    }
    return {hold: number for hold, number in found.items() if number}


def last_day_of_wait(session: Session, customer_id: uuid.UUID, *, now: datetime) -> datetime | None:
    """Return when the last of the ends that wait for their day takes effect; None where none does."""
    return session.scalar(
        select(func.max(func.coalesce(EndRequest.due_at, EndRequest.created_at))).where(
            EndRequest.subscription_id.in_(subscriptions_of(customer_id)),
            EndRequest.state == RequestState.RECORDED,
            EndRequest.due_at > now,
        )
    )


def paid_beyond(session: Session, customer_id: uuid.UUID, *, now: datetime) -> datetime | None:
    """Return until when something is paid or open: what is lost with the log-in. None: nothing, or nothing known."""
    found: datetime | None = session.scalar(
        select(func.max(func.greatest(Subscription.paid_until, Subscription.access_until))).where(
            Subscription.customer_id == customer_id,
            or_(Subscription.paid_until > now, Subscription.access_until > now),
        )
    )
    return found


def provider_ids_of(customer_id: uuid.UUID) -> Select[str]:
    """Select PayPal's ids of the customer's subscriptions."""
    return select(Subscription.provider_id).where(Subscription.customer_id == customer_id)


def news_about(customer_id: uuid.UUID) -> Select[uuid.UUID | None]:
    """Select the messages in which the merchant was told of the customer's requests and notices, among others'."""
    notices = select(ReceivedRequest.id).where(ReceivedRequest.subscription_id.in_(subscriptions_of(customer_id)))
    return select(MerchantNews.mail_id).where(
        or_(
            MerchantNews.end_request_id.in_(requests_of(customer_id)),
            MerchantNews.received_request_id.in_(notices),
        )
    )


def is_about(customer_id: uuid.UUID) -> ColumnElement[bool]:
    """Say whether a message is about the customer, whoever it goes to."""
    return or_(
        Mail.end_request_id.in_(requests_of(customer_id)),
        Mail.id.in_(news_about(customer_id)),
        func.split_part(Mail.key, ":", 2).in_(ids_in_keys(customer_id)),
        may_name_late_money(customer_id),
    )


def may_name_late_money(customer_id: uuid.UUID) -> ColumnElement[bool]:
    """Say whether a message told the merchant of money after ends when there was some of the customer's."""
    came_before = LatePayment.created_at <= Mail.created_at
    is_theirs = LatePayment.subscription_id.in_(subscriptions_of(customer_id))
    return and_(Mail.kind == "merchant_late_payments", exists().where(is_theirs, came_before))


def ids_in_keys(customer_id: uuid.UUID) -> CompoundSelect[str]:
    """Select, as text, the ids that stand in the keys of messages about the customer, or about rows of theirs."""
    theirs = subscriptions_of(customer_id)
    own = (select(cast(row.id, Text)).where(row.customer_id == customer_id) for row in (Subscription, Comeback))
    themselves = select(cast(Customer.id, Text)).where(Customer.id == customer_id)
    hanging = (
        select(cast(row.id, Text)).where(row.subscription_id.in_(theirs))
        for row in (Payment, PauseRequest, Refund, Settlement)
    )
    return union_all(themselves, *own, *hanging)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What stays after an erasure, and the newest moment from which its time counts; None where there is none."""

    proofs: int
    proven_at: datetime | None
    payments: int
    paid_at: datetime | None
    notices: int
    noticed_at: datetime | None


def closed_words_of(customer: Customer) -> Select[uuid.UUID]:
    """Select the requests of that address that were closed without an end: they prove none."""
    return select(ReceivedRequest.id).where(
        ReceivedRequest.merchant_id == customer.merchant_id,
        ReceivedRequest.state == ReceivedState.DISMISSED,
        ReceivedRequest.email == (customer.email or ""),
    )


def kept(session: Session, customer_id: uuid.UUID) -> Kept:
    """Return what the law has kept of a customer, or would."""
    theirs = subscriptions_of(customer_id)
    proofs, proven_at = session.execute(
        select(func.count(), func.max(func.greatest(EndRequest.confirmed_at, Subscription.ended_at)))
        .select_from(Proof)
        .join(EndRequest, EndRequest.id == Proof.end_request_id)
        .join(Subscription, Subscription.id == EndRequest.subscription_id)
        .where(EndRequest.subscription_id.in_(theirs))
    ).one()
    payments, paid_at = session.execute(
        select(func.count(), func.max(Payment.paid_at)).where(Payment.subscription_id.in_(theirs))
    ).one()
    notices, noticed_at = session.execute(
        select(func.count(), func.max(ReceivedRequest.received_at)).where(ReceivedRequest.subscription_id.in_(theirs))
    ).one()
    return Kept(
        proofs=proofs,
        proven_at=proven_at,
        payments=payments,
        paid_at=paid_at,
        notices=notices,
        noticed_at=noticed_at,
    )


def is_about_erased(event: FromClause) -> ColumnElement[bool]:
    """Say whether a message of PayPal's, `event`, names a subscription of somebody who is erased.

    One that names no subscription, as that of a refund, names a payment of theirs: each of its words is looked up, for
    who was erased may have very many payments.
    """
    of_erased = (
        Subscription.customer_id == Customer.id,
        Subscription.merchant_id == event.c.merchant_id,
        Customer.erased_at.is_not(None),
    )
    words = func.regexp_split_to_table(func.encode(event.c.body, "escape"), "[^0-9A-Za-z-]+")
    said = words.table_valued(column("word", Text)).render_derived(name="said")
    named = (
        select(Payment.id)
        .select_from(said)
        .join(Payment, Payment.provider_id == said.c.word)
        .join(Subscription, Subscription.id == Payment.subscription_id)
        .join(Customer, Customer.id == Subscription.customer_id)
        .where(
            *(Payment.merchant_id == event.c.merchant_id, Payment.environment == event.c.environment),
            Customer.erased_at.is_not(None),
        )
        .correlate(event)
        .exists()
    )
    return or_(
        exists().where(*of_erased, Subscription.provider_id == event.c.subject), and_(event.c.subject == "", named)
    )


def payer_hash(merchant_id: uuid.UUID, payer_id: str) -> str:
    """Return what stands for a PayPal account of an erased customer: PayPal's ids are 13 letters made at random."""
    return hashlib.sha256(f"{merchant_id}/{payer_id}".encode()).hexdigest()


def payers_of(session: Session, customer: Customer) -> set[str]:
    """Return every PayPal account that the customer is known to have paid with."""
    bought = select(Subscription.payer_id).where(
        Subscription.customer_id == customer.id, Subscription.payer_id.is_not(None)
    )
    return {payer for payer in (*session.scalars(bought), customer.payer_id) if payer}


def erased_owner(
    session: Session, merchant_id: uuid.UUID, payer_id: str | None, *, begun_at: datetime | None
) -> Customer | None:
    """Return the erased customer whose a subscription is that began before the erasure; None for any other."""
    if payer_id is None or begun_at is None:
        return None
    return session.scalars(
        select(Customer)
        .join(ErasedPayer, ErasedPayer.customer_id == Customer.id)
        .where(ErasedPayer.payer_hash == payer_hash(merchant_id, payer_id), ErasedPayer.erased_at > begun_at)
    ).one_or_none()


def states(session: Session, erasure: CustomerErasure) -> Mapping[uuid.UUID, tuple[RequestState, datetime | None]]:
    """Return the state of each end that the wish led to, and when it was sent to PayPal."""
    ids = [uuid.UUID(one) for one in erasure.ends]
    rows = session.execute(select(EndRequest.id, EndRequest.state, EndRequest.sent_at).where(EndRequest.id.in_(ids)))
    return {row.id: (row.state, row.sent_at) for row in rows}
