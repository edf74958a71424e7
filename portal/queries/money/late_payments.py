"""Every SELECT of payments that came after an end."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session, contains_eager

from portal.domain.ends.end_requests import RequestState
from portal.domain.money.late_payments import LateState
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.models import EndRequest, LatePayment, Payment, Refund, Subscription
from portal.queries.aliases import joined
from portal.queries.money import refunds

__all__ = ["Alarm", "LatePayment", "LateState"]  # the web names the states


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One payment after an end, and the newest refund asked for here."""

    late: LatePayment
    refund: Refund | None

    @property
    def amount(self) -> Money:
        """What came."""
        return Money(self.late.payment.amount, self.late.payment.currency)

    @property
    def left(self) -> Money:
        """What did not go back yet."""
        return Money(self.late.payment.left, self.late.payment.currency)

    @property
    def back(self) -> Money:
        """What went back of it, in whichever way."""
        return Money(self.late.payment.went_back, self.late.payment.currency)

    @property
    def is_partly_back(self) -> bool:
        """Whether a part went back, and a part did not."""
        return 0 < self.back.amount < self.amount.amount

    @property
    def debug_id(self) -> str:
        """PayPal's reference of the last answer about the refund; empty without one."""
        return self.refund.debug_id if self.refund is not None else ""


OPEN: Final = (LatePayment.merchant_id == bindparam("merchant_id"), LatePayment.state == LateState.OPEN)


def needing_merchant(
    session: Session, merchant_id: uuid.UUID, page: Select[LatePayment] | None = None, **place: object
) -> list[Alarm]:
    """Return the merchant's open alarms, or a `page` of them, made of `needing`, that begins at a place."""
    statement = page if page is not None else needing()
    return _with_refunds(session, session.scalars(statement, {"merchant_id": merchant_id, **place}))


@cache
def needing() -> Select[LatePayment]:
    """The open alarms of `merchant_id`, each with its payment."""
    paid = select(LatePayment).join(LatePayment.payment).options(contains_eager(LatePayment.payment))
    return paid.where(*OPEN)


def of_merchant(session: Session, merchant_id: uuid.UUID, late_id: uuid.UUID) -> Alarm:
    """Return one alarm of the merchant; raise NoResultFound for any other, and for a debt, which is none."""
    late = session.scalars(
        _whole().where(
            LatePayment.id == late_id, LatePayment.merchant_id == merchant_id, LatePayment.state != LateState.DEBT
        )
    ).one()
    return _with_refunds(session, [late])[0]


def of_subscription(session: Session, subscription_id: uuid.UUID) -> list[Alarm]:
    """Return all of a subscription that was looked up for a person, debts too, the newest payment first."""
    rows = session.scalars(
        _whole()
        .join(LatePayment.payment)
        .where(LatePayment.subscription_id == subscription_id)
        .order_by(Payment.paid_at.desc(), Payment.id)
    )
    return _with_refunds(session, rows)


def open_of(session: Session, subscription_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[LatePayment]]:
    """Return what came after the end of these subscriptions and is not settled, the newest payment first."""
    found: dict[uuid.UUID, list[LatePayment]] = {}
    for late in session.scalars(_open(), {"subscription_ids": list(subscription_ids)}):
        found.setdefault(late.subscription_id, []).append(late)
    return found


@cache
def _open() -> Select[LatePayment]:
    theirs = LatePayment.subscription_id.in_(bindparam("subscription_ids", expanding=True))
    return (
        select(LatePayment)
        .join(LatePayment.payment)
        .options(contains_eager(LatePayment.payment))
        .where(theirs, LatePayment.state == LateState.OPEN)
        .order_by(Payment.paid_at.desc(), Payment.id)
    )


def lock(session: Session, late_id: uuid.UUID) -> LatePayment:
    """Return the row, locked; the caller already holds its subscription's lock."""
    session.execute(select(LatePayment.id).where(LatePayment.id == late_id).with_for_update(key_share=True)).one()
    return session.scalars(_whole().where(LatePayment.id == late_id).execution_options(populate_existing=True)).one()


def of_payment(session: Session, payment_id: uuid.UUID) -> LatePayment | None:
    """Return the row of a payment, if it came after an end."""
    return session.scalars(select(LatePayment).where(LatePayment.payment_id == payment_id)).one_or_none()


def since(
    session: Session, subscription_id: uuid.UUID, stopped_at: datetime
) -> Sequence[Row[Payment, LatePayment | None]]:
    """Return a subscription's payments after a moment, oldest first, each with its row if it has one."""
    return session.execute(_since(), {"subscription_id": subscription_id, "stopped_at": stopped_at}).all()


@cache
def _since() -> Select[Payment, LatePayment | None]:
    return (
        select(Payment, LatePayment)
        .outerjoin(LatePayment, LatePayment.payment_id == Payment.id)
        .where(Payment.subscription_id == bindparam("subscription_id"), Payment.paid_at > bindparam("stopped_at"))
        .order_by(Payment.paid_at, Payment.id)
    )


def request_behind(session: Session, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the request whose page is the proof of the end: the newest confirmed one that was not the portal's own."""
    return session.scalars(
        select(EndRequest)
        .where(
            EndRequest.subscription_id == subscription_id,
            EndRequest.state.in_((RequestState.CONFIRMED, RequestState.CLOSED)),
            EndRequest.actor != Actor.SYSTEM,
        )
        .order_by(EndRequest.confirmed_at.desc())
        .limit(1)
    ).one_or_none()


def merchants_to_tell(session: Session) -> list[uuid.UUID]:
    """Return the merchants who have an open alarm that no mail told them of."""
    untold = LatePayment.state == LateState.OPEN, LatePayment.merchant_told_at.is_(None)
    return list(session.scalars(select(LatePayment.merchant_id).where(*untold).distinct()))


def untold(session: Session, merchant_id: uuid.UUID) -> list[Alarm]:
    """Return the open alarms that no mail told the merchant of, locked: two workers tell each once."""
    wanted = (
        LatePayment.merchant_id == merchant_id,
        LatePayment.state == LateState.OPEN,
        LatePayment.merchant_told_at.is_(None),
    )
    ids = session.scalars(
        select(LatePayment.id).where(*wanted).order_by(LatePayment.id).with_for_update(key_share=True)
    ).all()
    rows = session.scalars(_whole().where(LatePayment.id.in_(ids)).order_by(LatePayment.created_at, LatePayment.id))
    return _with_refunds(session, rows)


def last_told_at(session: Session, merchant_id: uuid.UUID) -> datetime | None:
    """Return when a mail last told the merchant of an alarm."""
    return session.scalars(
        select(LatePayment.merchant_told_at)
        .where(LatePayment.merchant_id == merchant_id, LatePayment.merchant_told_at.is_not(None))
        .order_by(LatePayment.merchant_told_at.desc())
        .limit(1)
    ).one_or_none()


@cache
def _whole() -> Select[LatePayment]:
    customer, product, plan = Subscription.customer, Subscription.product, Subscription.plan
    paths = [(LatePayment.subscription, part) for part in (customer, product, plan)]
    return joined(select(LatePayment), *paths, (LatePayment.payment,))


def _with_refunds(session: Session, rows: Iterable[LatePayment]) -> list[Alarm]:
    found = list(rows)
    newest = refunds.newest_by_payment(session, [row.payment_id for row in found])
    return [Alarm(late=row, refund=newest.get(row.payment_id)) for row in found]
