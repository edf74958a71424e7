"""Every SELECT of what has been kept for long enough, and of what the nights before have erased."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import OPEN
from portal.domain.ends.received_requests import ReceivedState, Way
from portal.domain.law.withdrawals import RefundDuty
from portal.domain.people.customer_erasures import ErasureState
from portal.domain.subscriptions import LIVE, Status
from portal.models import (
    Customer,
    CustomerErasure,
    EndRequest,
    Grant,
    LoginSession,
    Mail,
    MailState,
    Merchant,
    OutgoingEvent,
    Payment,
    Product,
    Proof,
    ReceivedRequest,
    RenewalRefund,
    RetentionRun,
    Settlement,
    Subscription,
    Withdrawal,
)
from portal.models.money.late_payments import LatePayment
from portal.models.money.refunds import EndRefund, Refund

SHOWN = 30  # nights


def merchants_of_the_night(session: Session) -> Sequence[Merchant]:
    """Return every merchant; also of an erased one proofs are kept, with whose they are, and not for ever."""
    return session.scalars(select(Merchant).order_by(Merchant.slug)).all()


def runs(session: Session, merchant_id: uuid.UUID) -> Sequence[RetentionRun]:
    """Return the last nights, newest first."""
    statement = select(RetentionRun).where(RetentionRun.merchant_id == merchant_id)
    return session.scalars(statement.order_by(RetentionRun.created_at.desc(), RetentionRun.id).limit(SHOWN)).all()


def _keeps(status: tuple[Status, ...], name: str) -> ColumnElement[bool]:
    """Say whether what ended so has left something open for good, by what was promised, else by the product's rule."""
    promised = func.coalesce(Subscription.promised[name].as_boolean(), getattr(Product, name))
    return and_(Subscription.status.in_(status), promised)


def forgotten_customers(
    session: Session, merchant_id: uuid.UUID, *, before: datetime, after: uuid.UUID | None, limit: int
) -> Sequence[uuid.UUID]:
    """Return the next customers by id who have nothing that runs or is open, and whose last contact was before that.

    A contact: they came to be known, bought, paid, asked, logged in, or were given something; access that is still
    open, or is kept for good by what they bought or by a gift, is one as well.
    """
    theirs = Subscription.customer_id == Customer.id
    lives = exists().where(
        theirs,
        or_(
            Subscription.status.in_(LIVE),
            Subscription.access_until > before,
            Subscription.paid_until > before,
            Subscription.ended_at > before,
            Subscription.last_payment_at > before,
            Subscription.created_at > before,
            Subscription.end_requested_at > before,
        ),
    )
    has_bought = (
        exists()
        .where(theirs, Product.id == Subscription.product_id, Subscription.started_at.is_not(None))
        .where(
            or_(
                _keeps((Status.COMPLETED,), "keep_after_completion"),
                _keeps((Status.CANCELLED, Status.ABANDONED), "keep_after_cancellation"),
            )
        )
    )
    has_gift = exists().where(Grant.customer_id == Customer.id, or_(Grant.until.is_(None), Grant.until > before))
    was_here = exists().where(LoginSession.customer_id == Customer.id, LoginSession.last_seen_at > before)
    asks = exists().where(CustomerErasure.customer_id == Customer.id, CustomerErasure.state == ErasureState.OPEN)
    return session.scalars(
        select(Customer.id)
        .where(
            Customer.merchant_id == merchant_id,
            Customer.erased_at.is_(None),
            Customer.created_at <= before,
            func.coalesce(Customer.seen_at, Customer.created_at) <= before,
            *(~one for one in (lives, has_bought, has_gift, was_here, asks)),
            *([Customer.id > after] if after is not None else []),
        )
        .order_by(Customer.id)
        .limit(limit)
    ).all()


def was_warned(session: Session, customer_id: uuid.UUID, *, since: datetime) -> bool:
    """Say whether a message has told the customer since then that their account is to go."""
    warned = Mail.customer_id == customer_id, Mail.kind == "erasure_soon", Mail.created_at > since
    return bool(session.scalar(select(exists().where(*warned))))


def old_requests(merchant_id: uuid.UUID, *, before: datetime, limit: int) -> Select[uuid.UUID]:
    """Select requests of contracts that were over, or which were withdrawn, before that moment."""
    over = func.greatest(func.coalesce(EndRequest.confirmed_at, EndRequest.withdrawn_at), Subscription.ended_at)
    return (
        select(EndRequest.id)
        .join(Subscription, Subscription.id == EndRequest.subscription_id)
        .where(
            EndRequest.merchant_id == merchant_id,
            EndRequest.archived_at.is_(None),
            EndRequest.state.not_in(OPEN),
            over < before,
        )
        .order_by(EndRequest.id)
        .limit(limit)
    )


def old_notices(merchant_id: uuid.UUID, *, before: datetime, limit: int) -> Select[uuid.UUID]:
    """Select notices that were settled before that moment."""
    return (
        select(ReceivedRequest.id)
        .where(
            ReceivedRequest.merchant_id == merchant_id,
            ReceivedRequest.state != ReceivedState.OPEN,
            ReceivedRequest.settled_at < before,
        )
        .limit(limit)
    )


def old_words(merchant_id: uuid.UUID, *, before: datetime, limit: int) -> Select[uuid.UUID]:
    """Select the messages of who could not log in that were closed before that moment: they prove no end.

    One that undid a contract which was over already is closed too, and proves that.
    """
    return (
        select(ReceivedRequest.id)
        .where(
            ReceivedRequest.merchant_id == merchant_id,
            ReceivedRequest.way.in_((Way.NO_LOGIN, Way.PUBLIC_FORM)),
            ReceivedRequest.state == ReceivedState.DISMISSED,
            ReceivedRequest.settled_at < before,
            ~exists().where(Withdrawal.received_request_id == ReceivedRequest.id),
        )
        .limit(limit)
    )


def old_payments(merchant_id: uuid.UUID, *, before: datetime, limit: int) -> Select[uuid.UUID]:
    """Select payments that were taken before that moment, and of which nothing is open."""
    open_late = exists().where(LatePayment.payment_id == Payment.id, LatePayment.settled_at.is_(None))
    open_refund = exists().where(Refund.payment_id == Payment.id, Refund.settled_at.is_(None))
    open_with_end = exists().where(EndRefund.payment_id == Payment.id, EndRefund.created_at > before)
    # What the law wants back is reckoned from the payments: all of them stay until it is settled.
    open_withdrawal = exists().where(
        Withdrawal.subscription_id == Payment.subscription_id, Withdrawal.refund == RefundDuty.OPEN
    )
    open_advance = exists().where(
        RenewalRefund.subscription_id == Payment.subscription_id, RenewalRefund.settled_at.is_(None)
    )
    lives = exists().where(Subscription.id == Payment.subscription_id, Subscription.status.in_(LIVE))
    return (
        select(Payment.id)
        .where(
            Payment.merchant_id == merchant_id,
            Payment.paid_at < before,
            *(~one for one in (open_late, open_refund, open_with_end, open_withdrawal, open_advance, lives)),
        )
        .limit(limit)
    )


def old_settlements(merchant_id: uuid.UUID, *, before: datetime, limit: int) -> Select[uuid.UUID]:
    """Select settlements that were closed before that moment."""
    over = Settlement.merchant_id == merchant_id, Settlement.closed_at < before
    return select(Settlement.id).where(*over).limit(limit)


def old_mails(merchant_id: uuid.UUID, *, before: datetime, limit: int) -> Select[Any]:
    """Select messages that are no longer to be sent, were written before that moment and still have their words.

    A subject names people, too.
    """
    return (
        select(Mail.id)
        .where(
            Mail.merchant_id == merchant_id,
            Mail.state != MailState.WAITING,
            Mail.created_at < before,
            or_(Mail.content.is_not(None), Mail.subject != ""),
        )
        .limit(limit)
    )


def old_events(merchant_id: uuid.UUID, *, before: datetime, limit: int) -> Select[Any]:
    """Select events for other systems that were written before that moment."""
    which = OutgoingEvent.merchant_id == merchant_id, OutgoingEvent.created_at < before
    return select(OutgoingEvent.id).where(*which).limit(limit)


def proofs_of(request_ids: Collection[uuid.UUID]) -> Select[uuid.UUID]:
    """Select the proofs of those requests."""
    return select(Proof.id).where(Proof.end_request_id.in_(request_ids))


def refunds_of(payment_ids: Collection[uuid.UUID]) -> Select[uuid.UUID]:
    """Select the refunds of those payments."""
    return select(Refund.id).where(Refund.payment_id.in_(payment_ids))
