"""The alarm of money after an end: raised once per payment, closed by what PayPal shows or by the merchant's word.

`look` is the one door.  It is called wherever a payment or an end is written, with the subscription locked, and
goes by the rows alone: order, doubles and the way by which the news came cannot matter (deciding test 15).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import PROVIDER, Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.errors import DomainError
from portal.domain.money import late_payments as rules
from portal.domain.money.late_payments import Finding, LateState
from portal.domain.money.money import Money
from portal.domain.money.refunds import RefundState
from portal.domain.policies import Actor
from portal.domain.subscriptions import ProviderStatus
from portal.models import (
    EndRequest,
    LatePayment,
    Payment,
    PaymentState,
    Provider,
    Refund,
    Subscription,
    TimelineKind,
)
from portal.providers.ports import Reading
from portal.queries import subscriptions
from portal.queries.money import late_payments, refunds
from portal.services import tries
from portal.services.audit import audit, timeline
from portal.services.context import Context
from portal.services.dates import paid_time
from portal.services.money.refunds import given_anew, note_failed
from portal.services.notices import late_payment_notices

log = structlog.get_logger(__name__)

WENT_BACK: Final = frozenset({PaymentState.REFUNDED, PaymentState.REVERSED})


class NotOpen(DomainError):
    """The alarm is settled, or a refund of it is under way: there is nothing to explain."""


def begin_watch(
    subscription: Subscription, request: EndRequest, reading: Reading, *, stopped: datetime, now: datetime
) -> None:
    """Keep what telling money apart needs, and plan the looks at PayPal; a classic sale is in no list of PayPal's.

    After a cancel PayPal may drop the balance and does drop the next date: then what was read before it counts.
    """
    before = request.facts_before or {}
    owed = reading.outstanding or Money.parse(before.get("owed"), before.get("owed_currency"))
    if owed is not None and subscription.owed is None:  # a second end makes nothing new of an old debt
        subscription.owed, subscription.owed_currency = owed.amount, owed.currency
    planned = before.get("next_billing_at")
    if subscription.unbilled_at is None:
        subscription.stop_paid_until = subscription.paid_until
    subscription.unbilled_at = datetime.fromisoformat(planned) if planned else subscription.paid_until or stopped
    if subscription.provider is Provider.PAYPAL_REST:
        subscription.next_watch_at = rules.next_watch(stopped_at=stopped, unbilled_at=subscription.unbilled_at, now=now)


def over_since(subscription: Subscription) -> datetime | None:
    """Return from when on a payment is late, None while it goes on.

    One that ended before it began was never stopped at PayPal, and its customer was told that nothing would be
    taken: what comes when PayPal lets it begin all the same is late too, although we end it there at once.
    """
    if subscription.started_at is None and subscription.ended_at is not None:
        return subscription.ended_at
    return subscription.stopped_at_provider_at


def look(ctx: Context, session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Judge every payment of a locked subscription that came after PayPal stopped it."""
    over = over_since(subscription)
    if over is None:
        return
    session.flush()
    rows = late_payments.since(session, subscription.id, over)
    settled = sum((one.amount for one, late in rows if late and late.state is LateState.DEBT), Decimal(0))
    debts = {payment.id for payment, late in rows if late is not None and late.state is LateState.DEBT}
    for payment, late in rows:
        if late is None:
            paid_off = _judge(ctx, session, subscription, payment, over=over, settled=settled, now=now)
            settled += paid_off
            debts |= {payment.id} if paid_off else set()
        elif late.state is not LateState.DEBT:
            _follow(ctx, session, subscription, payment, late, now=now)
    paid_time.follow_late(subscription, [payment for payment, _late in rows if payment.id not in debts])


def explain(
    ctx: Context,
    merchant_id: uuid.UUID,
    late_id: uuid.UUID,
    *,
    reason: str,
    by: str,
    by_id: uuid.UUID | None = None,
    now: datetime,
) -> None:
    """Settle an alarm because the payment was owed, and tell the customer. Raises NoResultFound, NotOpen."""
    if not rules.is_reason(reason):
        raise ValueError("the form asks for a reason")
    with ctx.db.begin() as session:
        found = late_payments.of_merchant(session, merchant_id, late_id)
        subscriptions.lock(session, merchant_id, found.late.subscription_id)
        late = late_payments.lock(session, late_id)
        refused = refunds.open_of(session, late.payment_id)
        if late.state is not LateState.OPEN or (refused and refused.state is not RefundState.NEEDS_MERCHANT):
            raise NotOpen
        if refused is not None:  # PayPal does not do it, and nobody is to go on trying
            refused.move(RefundState.FAILED)
            refused.settled_at, refused.next_try_at = now, None
        late.settle(LateState.EXPLAINED, at=now)
        late.reason, late.decided_by = reason.strip(), by
        late_payment_notices.kept(ctx, session, late.subscription, late.payment, now=now)
        audit.append(
            session,
            merchant_id,
            Act.LATE_PAYMENT_EXPLAINED,
            by=By(actor=Actor.STAFF, actor_id=by_id, channel=Channel.STAFF),
            at=now,
            subject=("subscription", late.subscription_id),
            payment=late.payment.provider_id,
        )
        log.info("late_payment_explained", late_payment_id=str(late.id))


def _judge(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    payment: Payment,
    *,
    over: datetime,
    settled: Decimal,
    now: datetime,
) -> Decimal:
    """Write what a payment without a row is; return how much of the old debt it paid."""
    owed = None
    if subscription.owed is not None and subscription.owed_currency is not None:
        owed = Money(subscription.owed - settled, subscription.owed_currency)
    finding = rules.find(
        payment.state,
        Money(payment.amount, payment.currency),
        paid_at=payment.paid_at,
        stopped_at=over,
        ran_its_course=subscription.provider_status == ProviderStatus.EXPIRED,
        owed=owed,
    )
    if finding is Finding.DEBT:
        session.add(_row(payment, LateState.DEBT, now=now))
        return payment.amount
    if finding is Finding.LATE:
        _raise_alarm(ctx, session, subscription, payment, now=now)
    return Decimal(0)


def _raise_alarm(
    ctx: Context, session: Session, subscription: Subscription, payment: Payment, *, now: datetime
) -> None:
    """Write the alarm, its mail and the look at PayPal in the transaction of the payment itself.

    The look ends the subscription once more if PayPal shows it live; the merchant's mail is promised by the row.
    """
    session.add(_row(payment, LateState.OPEN, now=now))
    if subscription.provider is Provider.PAYPAL_REST:
        subscription.next_watch_at = now
    timeline.note(
        session,
        subscription,
        TimelineKind.LATE_PAYMENT,
        key=str(payment.id),
        at=now,
        by=PROVIDER,
        amount=str(payment.amount),
        currency=payment.currency,
        paid_at=payment.paid_at.isoformat(),
        payment=payment.provider_id,
    )
    late_payment_notices.came(ctx, session, subscription, payment, now=now)
    log.warning("payment_after_the_end", subscription_id=str(subscription.id), sale_id=payment.provider_id)


def _follow(
    ctx: Context, session: Session, subscription: Subscription, payment: Payment, late: LatePayment, *, now: datetime
) -> None:
    """Close, keep or open an alarm again by the sum that is gone now, and tell it whenever that changed."""
    is_gone, was_gone = payment.state in WENT_BACK, late.state is LateState.REFUNDED
    if is_gone and not was_gone:
        _close(ctx, session, subscription, payment, late, now=now)
    elif not is_gone and payment.went_back != late.told_back:
        if was_gone:
            late.reopen(at=now)
        _note_move(session, subscription, payment, late, _done(session, payment, now=now), now=now)
        late_payment_notices.moved(ctx, session, subscription, payment, late, now=now)
        late.told_back = payment.went_back


def _close(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    payment: Payment,
    late: LatePayment,
    *,
    now: datetime,
) -> None:
    """PayPal shows the money as gone back: one timeline entry and one mail, whoever sent it back.

    A refund that PayPal calls pending is followed to its own end first.
    """
    refund = refunds.open_of(session, payment.id)
    if refund is not None and refund.state is RefundState.PENDING:
        tries.again(session, refund, at=now)
        return
    if refund is not None:
        _settle(session, subscription, payment, refund, now=now)
    late.settle(LateState.REFUNDED, at=now)
    _note_move(session, subscription, payment, late, _done(session, payment, now=now), now=now)
    late_payment_notices.went_back(ctx, session, subscription, payment, now=now)
    late.told_back = payment.amount


def _settle(session: Session, subscription: Subscription, payment: Payment, refund: Refund, *, now: datetime) -> None:
    """Close a refund whose payment is gone whole: what PayPal took back in a dispute, nobody here has given back."""
    is_given = given_anew(session, payment) >= refund.amount
    refund.move(RefundState.DONE if is_given else RefundState.FAILED)
    refund.settled_at, refund.trouble, refund.next_try_at = now, None, None
    if refund.state is RefundState.FAILED:
        note_failed(session, subscription, refund, by=PROVIDER, now=now)


def _done(session: Session, payment: Payment, *, now: datetime) -> Refund | None:
    """Return the refund by which money goes back now; one that was done before has been told, and moves none again."""
    done = (one for one in refunds.of_payment(session, payment.id) if one.state is RefundState.DONE)
    return next((one for one in done if one.settled_at == now), None)


def _note_move(
    session: Session,
    subscription: Subscription,
    payment: Payment,
    late: LatePayment,
    refund: Refund | None,
    *,
    now: datetime,
) -> None:
    """Write how much went back, or came again, since the last time, and how much is left now."""
    step = payment.went_back - late.told_back
    ours = refund if step > 0 else None
    by = PROVIDER
    if ours is not None:
        by = By(actor=Actor.STAFF, actor_id=ours.actor_id, name=ours.actor_name)
    timeline.note(
        session,
        subscription,
        TimelineKind.REFUNDED if step > 0 else TimelineKind.LATE_PAYMENT,
        key=f"{payment.id}:{late.told_back}:{payment.went_back}:{now.isoformat()}",
        at=now,
        by=by,
        amount=str(abs(step)),
        currency=payment.currency,
        left=str(payment.left),
        is_again=step < 0,
        gone_back_by=_gone_back_by(payment),
        payment=payment.provider_id,
        refund=ours.provider_id if ours is not None else "",
    )


def _gone_back_by(payment: Payment) -> str:
    if not payment.taken_back:
        return "refund"
    return "both" if payment.went_back > payment.taken_back else "reversal"


def _row(payment: Payment, state: LateState, *, now: datetime) -> LatePayment:
    return LatePayment(
        merchant_id=payment.merchant_id,
        payment_id=payment.id,
        subscription_id=payment.subscription_id,
        state=state,
        told_back=payment.went_back,
        settled_at=None if state is LateState.OPEN else now,
        created_at=now,
    )
