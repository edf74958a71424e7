"""The wish to give a payment back, whole or in part: the intent, with its job; `carrying` takes it to PayPal."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog
from sqlalchemy.orm import Session

from portal.domain import audit
from portal.domain.ends.end_requests import Channel
from portal.domain.money import refunds as rules
from portal.domain.money.late_payments import LateState
from portal.domain.money.money import Money
from portal.domain.money.refunds import CannotRefund, NoRefund, RefundState
from portal.domain.policies import Actor
from portal.models import NOT_TAKEN, Payment, Provider, Refund, Subscription, TimelineKind
from portal.queries import subscriptions
from portal.queries.money import late_payments as alarms
from portal.queries.money import payments, refunds
from portal.services import tries
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.notices import refund_notices

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class By:
    """Who asks at the desk."""

    id: uuid.UUID
    name: str


def record(
    ctx: Context,
    merchant_id: uuid.UUID,
    payment_id: uuid.UUID,
    by: By,
    *,
    amount: Decimal | None = None,
    left: Decimal | None = None,
    now: datetime,
) -> uuid.UUID:
    """Write the wish to give `amount` of a payment back (None: what is left), with its job; return the refund's id.

    `left`: what a page showed as left: a second click that comes late gives nothing back twice.  One that comes while
    the first is open gets that one.  Raises NoResultFound, CannotRefund.
    """
    with ctx.db.begin() as session:
        found = payments.of_merchant(session, merchant_id, payment_id)
        subscription = subscriptions.lock(session, merchant_id, found.subscription_id)
        session.refresh(found)
        standing = refunds.open_of(session, payment_id)
        if standing is not None:
            return standing.id
        if refunds.waits_for_end(session, payment_id):
            raise CannotRefund(NoRefund.WITH_END)
        wanted = found.left if amount is None else amount
        why = why_not(subscription, found, amount=wanted, shown=left, now=now)
        if why is not None:
            raise CannotRefund(why)
        return ask(session, subscription, found, by, amount=wanted, now=now).id


def why_not(
    subscription: Subscription, payment: Payment, *, amount: Decimal, shown: Decimal | None = None, now: datetime
) -> NoRefund | None:
    """Return why so much of a payment cannot be given back; `shown`: what a page said was left of it."""
    if subscription.provider is not Provider.PAYPAL_REST:
        return NoRefund.CLASSIC
    if payment.state in NOT_TAKEN:
        return NoRefund.NEVER_TAKEN
    left = Money(payment.left, payment.currency)
    if shown is not None and left.amount > 0 and shown != left.amount:
        return NoRefund.ANOTHER_AMOUNT
    return rules.refusal(left, Money(amount, payment.currency), paid_at=payment.paid_at, now=now)


def ask(
    session: Session, subscription: Subscription, payment: Payment, by: By, *, amount: Decimal, now: datetime
) -> Refund:
    """Write a refund that may be asked for, its entry and its job; the subscription's lock is held."""
    refund = Refund(
        merchant_id=payment.merchant_id,
        payment_id=payment.id,
        subscription_id=subscription.id,
        amount=amount,
        currency=payment.currency,
        left_before=payment.left,
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
        by=_of_staff(by.id, by.name),
        amount=str(amount),
        currency=payment.currency,
        payment=payment.provider_id,
    )
    tries.plan(session, refund, at=now + tries.HEAD_START)
    return refund


def follow(ctx: Context, session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Close what is open where as much has gone back since it was asked for, whoever sent it; the lock is held.

    One that PayPal calls pending is followed to its own end first.  What PayPal took back in a dispute is no refund,
    whether before or since.
    """
    session.flush()
    for refund, payment in refunds.open_of_subscription(session, subscription.id):
        went = refund.left_before - payment.left
        if went < refund.amount:
            continue
        given = min(went, given_anew(session, payment)) if payment.taken_back > 0 else went
        if refund.state is RefundState.PENDING:
            tries.again(session, refund, at=now)
        elif given < refund.amount:
            _close(refund, RefundState.FAILED, now=now)
            note_failed(session, subscription, refund, by=audit.PROVIDER, now=now)
        else:
            refund.amount = given
            _close(refund, RefundState.DONE, now=now)
            tell_done(ctx, session, subscription, refund, payment, now=now)


def given_anew(session: Session, payment: Payment) -> Decimal:
    """Return how much refunds have given back of it, whoever made them, beside those of the desk that are done."""
    done = (one.amount for one in refunds.of_payment(session, payment.id) if one.state is RefundState.DONE)
    return payment.went_back - payment.taken_back - sum(done, Decimal(0))


def give_up(ctx: Context, merchant_id: uuid.UUID, refund_id: uuid.UUID, by: By, *, now: datetime) -> bool:
    """Ask PayPal no more for a refund that it did not make; False where it does not stand so. Raises NoResultFound."""
    with ctx.db.begin() as session:
        found = refunds.of_merchant(session, merchant_id, refund_id)
        subscription = subscriptions.lock(session, merchant_id, found.subscription_id)
        session.refresh(found)
        if found.state is not RefundState.NEEDS_MERCHANT:
            return False
        _close(found, RefundState.FAILED, now=now)
        found.given_up_by = by.name
        note_failed(session, subscription, found, by=_of_staff(by.id, by.name), now=now)
        return True


def note_failed(session: Session, subscription: Subscription, refund: Refund, *, by: audit.By, now: datetime) -> None:
    """Write that nothing goes back by this refund."""
    timeline.note(
        session,
        subscription,
        TimelineKind.REFUND_FAILED,
        key=str(refund.id),
        at=now,
        by=by,
        amount=str(refund.amount),
        currency=refund.currency,
        refund=refund.provider_id,
    )


def _close(refund: Refund, state: RefundState, *, now: datetime) -> None:
    refund.move(state)
    refund.settled_at, refund.trouble, refund.next_try_at = now, None, None


def _of_staff(staff_id: uuid.UUID | None, name: str) -> audit.By:
    return audit.By(actor=Actor.STAFF, actor_id=staff_id, channel=Channel.STAFF, name=name)


def tell_done(
    ctx: Context, session: Session, subscription: Subscription, refund: Refund, payment: Payment, *, now: datetime
) -> None:
    """Write that the money went back and tell the customer; of an alarm, `late_payments` does it."""
    late = alarms.of_payment(session, payment.id)
    if late is not None and late.state is not LateState.DEBT:
        return
    timeline.note(
        session,
        subscription,
        TimelineKind.REFUNDED,
        key=str(refund.id),
        at=now,
        by=_of_staff(refund.actor_id, refund.actor_name),
        amount=str(refund.amount),
        currency=refund.currency,
        left=str(payment.left),
        gone_back_by="refund",
        payment=payment.provider_id,
        refund=refund.provider_id,
    )
    refund_notices.given_back(ctx, session, subscription, refund, payment, now=now)
