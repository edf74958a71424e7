"""Every SELECT of refunds."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import RequestState
from portal.domain.money.late_payments import LateState
from portal.domain.money.refunds import OPEN, RefundState, WithEnd, WithEndState
from portal.models import EndRefund, EndRequest, LatePayment, Payment, Refund, Withdrawal
from portal.queries.aliases import joined

__all__ = ["EndRefund", "Refund", "RefundState", "WithEnd", "WithEndState"]


def open_of(session: Session, payment_id: uuid.UUID) -> Refund | None:
    """Return the payment's open refund, if there is one."""
    return session.scalars(select(Refund).where(Refund.payment_id == payment_id, Refund.state.in_(OPEN))).one_or_none()


def open_of_subscription(session: Session, subscription_id: uuid.UUID) -> Sequence[Row[Refund, Payment]]:
    """Return the open refunds of a subscription, each with its payment."""
    return session.execute(_open_with_payments(), {"subscription_id": subscription_id}).all()


@cache
def _open_with_payments() -> Select[Refund, Payment]:
    return (
        select(Refund, Payment)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.subscription_id == bindparam("subscription_id"), Refund.state.in_(OPEN))
    )


def of_merchant(session: Session, merchant_id: uuid.UUID, refund_id: uuid.UUID) -> Refund:
    """Return one refund of the merchant; raise NoResultFound for any other."""
    return session.scalars(select(Refund).where(Refund.id == refund_id, Refund.merchant_id == merchant_id)).one()


def of_payment(session: Session, payment_id: uuid.UUID) -> list[Refund]:
    """Return every refund of a payment, newest first."""
    return list(
        session.scalars(select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.created_at.desc()))
    )


def of_subscription(session: Session, subscription_id: uuid.UUID) -> list[Refund]:
    """Return every refund of a subscription's payments, newest first; the caller has checked whose it is."""
    return list(
        session.scalars(
            select(Refund)
            .where(Refund.subscription_id == subscription_id)
            .order_by(Refund.created_at.desc(), Refund.id)
        )
    )


def newest_by_payment(session: Session, payment_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Refund]:
    """Return the newest refund of each of the payments."""
    rows = session.scalars(_of_payments(), {"payment_ids": list(payment_ids)})
    return {row.payment_id: row for row in rows}


@cache
def _of_payments() -> Select[Refund]:
    theirs = Refund.payment_id.in_(bindparam("payment_ids", expanding=True))
    return select(Refund).where(theirs).order_by(Refund.created_at)


# Those that need the merchant, where no alarm says so


FAILED_FOR: Final = timedelta(days=30)  # a refund that failed is news no longer than that, or until there is another


def stuck() -> tuple[ColumnElement[bool], ...]:
    """Return what narrows to the refunds of `merchant_id` that PayPal did not do; an alarm shows its own.

    One that was asked for after the alarm was settled, as for a payment that was kept, has no other place.
    """
    later = Refund.__table__.alias()
    again = exists().where(later.c.payment_id == Refund.payment_id, later.c.created_at > Refund.created_at)
    alarm = exists().where(
        LatePayment.payment_id == Refund.payment_id,
        LatePayment.state != LateState.DEBT,
        or_(LatePayment.state == LateState.OPEN, LatePayment.settled_at >= Refund.created_at),
    )
    otherwise = exists().where(  # staff have said since what became of all that was due
        Withdrawal.subscription_id == Refund.subscription_id, Withdrawal.settled_until >= Refund.settled_at
    )
    failed = and_(
        Refund.state == RefundState.FAILED,
        ~otherwise,
        Refund.given_up_by == "",
        Refund.settled_at > bindparam("failed_since"),
        ~again,
    )
    return (
        Refund.merchant_id == bindparam("merchant_id"),
        or_(Refund.state == RefundState.NEEDS_MERCHANT, failed),
        ~alarm,
    )


def failed_since(now: datetime) -> datetime:
    """Return since when a refund that failed is news."""
    return now - FAILED_FOR


def needing() -> Select[Refund, Payment]:
    """Return the refunds that need the merchant, each with its payment."""
    return select(Refund, Payment).join(Payment, Payment.id == Refund.payment_id).where(*stuck())


# Those that were decided with an end


def waits_for_end(session: Session, payment_id: uuid.UUID) -> bool:
    """Say whether a refund of the payment was decided with an end that PayPal has not confirmed."""
    waiting = exists().where(EndRefund.payment_id == payment_id, EndRefund.state == WithEndState.WAITING)
    return bool(session.scalar(select(waiting)))


def waits_with_an_end(session: Session, subscription_id: uuid.UUID) -> bool:
    """Say whether a refund was decided with an end of the subscription that stands and is not confirmed yet."""
    waiting = exists().where(
        EndRefund.end_request_id == EndRequest.id,
        EndRefund.state == WithEndState.WAITING,
        EndRequest.subscription_id == subscription_id,
        EndRequest.state != RequestState.WITHDRAWN,
    )
    return bool(session.scalar(select(waiting)))


def with_end(session: Session, request_id: uuid.UUID) -> EndRefund | None:
    """Return what was decided with one request to end, if anything was."""
    return session.scalars(select(EndRefund).where(EndRefund.end_request_id == request_id)).one_or_none()


def with_ends(session: Session, request_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, EndRefund]:
    """Return what was decided with requests to end, each with the refund that it became."""
    whole = joined(select(EndRefund), (EndRefund.refund,))
    rows = session.scalars(whole.where(EndRefund.end_request_id.in_(list(request_ids))))
    return {row.end_request_id: row for row in rows}
