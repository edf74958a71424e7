"""The wish to give a late payment back: the intent, with its job; `carrying` takes it to PayPal."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog
from sqlalchemy.orm import Session

from portal.domain import audit
from portal.domain.end_requests import Channel
from portal.domain.late_payments import LateState
from portal.domain.policies import Actor
from portal.domain.refunds import CannotRefund, NoRefund, RefundState
from portal.models import LatePayment, Provider, Refund, Subscription, TimelineKind
from portal.queries import subscriptions
from portal.queries.money import late_payments as alarms
from portal.queries.money import refunds
from portal.services import tries
from portal.services.audit import timeline
from portal.services.context import Context

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class By:
    """Who asks at the desk."""

    id: uuid.UUID
    name: str


def record(
    ctx: Context, merchant_id: uuid.UUID, late_id: uuid.UUID, by: By, *, confirmed: Decimal | None = None, now: datetime
) -> uuid.UUID:
    """Write the wish to give back what is left of a late payment, with its job; return the refund's id.

    `confirmed`: the amount that a page showed.  A second click gets the open one.  Raises NoResultFound, CannotRefund.
    """
    with ctx.db.begin() as session:
        found = alarms.of_merchant(session, merchant_id, late_id)
        subscription = subscriptions.lock(session, merchant_id, found.late.subscription_id)
        late = alarms.lock(session, late_id)
        session.refresh(late.payment)
        standing = refunds.open_of(session, late.payment_id)
        if standing is not None:
            return standing.id
        return _write(session, subscription, late, by, confirmed=confirmed, now=now).id


def _write(
    session: Session, subscription: Subscription, late: LatePayment, by: By, *, confirmed: Decimal | None, now: datetime
) -> Refund:
    payment = late.payment
    left = payment.left
    if late.state is not LateState.OPEN:
        raise CannotRefund(NoRefund.SETTLED)
    if subscription.provider is not Provider.PAYPAL_REST:
        raise CannotRefund(NoRefund.CLASSIC)
    if left <= 0:
        raise CannotRefund(NoRefund.NOTHING_LEFT)
    if confirmed is not None and confirmed != left:
        raise CannotRefund(NoRefund.ANOTHER_AMOUNT)
    refund = Refund(
        merchant_id=late.merchant_id,
        payment_id=payment.id,
        subscription_id=subscription.id,
        amount=left,
        currency=payment.currency,
        state=RefundState.RECORDED,
        actor_id=by.id,
        actor_name=by.name,
        created_at=now,
        next_try_at=now,
    )
    session.add(refund)
    session.flush()
    timeline.note(
        session,
        subscription,
        TimelineKind.REFUND_REQUESTED,
        key=str(refund.id),
        at=now,
        by=audit.By(actor=Actor.STAFF, actor_id=by.id, channel=Channel.STAFF, name=by.name),
        amount=str(left),
        currency=payment.currency,
        payment=payment.provider_id,
    )
    tries.plan(session, refund, at=now + tries.HEAD_START)
    return refund
