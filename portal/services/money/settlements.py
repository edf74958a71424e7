"""The wish to settle what is outstanding, and what becomes of it; `carrying` takes it to PayPal.

Whoever learns something from PayPal comes to `follow` with the subscription locked, so that one settlement has one
entry and at most one mail, in whatever order PayPal's answer, its message and a read arrive.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import PROVIDER, By
from portal.domain.ends.end_requests import Channel
from portal.domain.money.money import Money
from portal.domain.money.settlements import (
    CannotSettle,
    Judged,
    NoSettlement,
    Own,
    SettlementRefusal,
    SettlementState,
    Verdict,
    judge,
    outstanding_of,
)
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import PaymentState, Provider, Settlement, Subscription, TimelineKind
from portal.models.ends.held_requests import AnyEndRequest
from portal.queries import subscriptions
from portal.queries.ends import end_requests, received_requests
from portal.queries.merchants import paypal_accounts
from portal.queries.money import settlements
from portal.services import tries
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.notices import settlement_notices

log = structlog.get_logger(__name__)

OWN: Final = {PaymentState.PENDING: Own.PENDING, PaymentState.DENIED: Own.DECLINED}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The settlement that now stands; `is_new` is False for a second click, which gets the first one's."""

    settlement_id: uuid.UUID
    is_new: bool


def record(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    subscription_id: uuid.UUID,
    *,
    shown: Money | None,
    by: By | None = None,
    now: datetime,
) -> Asked:
    """Write that the customer lets PayPal take what is outstanding, with its entry and its job.

    `shown`: the sum that the page said: of another one nothing is taken.  `by`: who of the account's people asks.  A
    second click gets the settlement that is open.  Raises NoResultFound (not theirs), CannotSettle.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, merchant_id, subscription_id)
        if subscription.customer_id != customer_id:
            raise NoResultFound
        standing = settlements.open_of(session, subscription.id)
        if standing is not None:
            return Asked(settlement_id=standing.id, is_new=False)
        due = outstanding_of(subscription.outstanding, subscription.currency)
        why = why_not(session, subscription, end_requests.open_of(session, subscription.id), now=now)
        if why is None and (due is None or due != shown):
            why = NoSettlement.OTHER_SUM
        if why is not None or due is None:
            raise CannotSettle(why or NoSettlement.NOTHING_OUTSTANDING)
        return Asked(settlement_id=_ask(session, subscription, due, by, now=now).id, is_new=True)


def why_not(
    session: Session, subscription: Subscription, request: AnyEndRequest | None, *, now: datetime
) -> NoSettlement | None:
    """Return why a customer cannot settle it here now; `request` is the newest to end it, if there is one."""
    due = outstanding_of(subscription.outstanding, subscription.currency)
    if subscription.provider is not Provider.PAYPAL_REST:
        return NoSettlement.CLASSIC
    if subscription.status is not Status.PAST_DUE:
        return NoSettlement.NOT_LATE
    if due is None or due.amount <= 0:
        return NoSettlement.NOTHING_OUTSTANDING
    if is_in_the_way(session, subscription, request, now=now):
        return NoSettlement.ENDING
    key = paypal_accounts.of_merchant(session, subscription.merchant_id)
    return NoSettlement.NO_KEY if key is None or key.environment != subscription.environment else None


def is_in_the_way(
    session: Session, subscription: Subscription, request: AnyEndRequest | None, *, now: datetime
) -> bool:
    """Say whether somebody waits for an end, asked for or notified: nobody who leaves is asked for money.

    One planned, or wished, for later leaves it.
    """
    if request is not None and request.is_open and not request.is_planned(now):
        return True
    return received_requests.is_wished_by(session, subscription.id, now.date())


def follow(ctx: Context, session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Close the open settlement where what is known of PayPal says that the money came, or was declined."""
    found = settlements.open_of(session, subscription.id)
    if found is None:
        return
    verdict, why = verdict_of(session, subscription, found, now=now)
    if verdict is Verdict.DONE:
        _finish(session, subscription, found, now=now)
    elif why is SettlementRefusal.DECLINED:
        fail(ctx, session, subscription, found, why, now=now)


def verdict_of(session: Session, subscription: Subscription, found: Settlement, *, now: datetime) -> Judged:
    """Return what is known of PayPal means for an open settlement (domain/money/settlements.py)."""
    return judge(
        found.money,
        outstanding=outstanding_of(subscription.outstanding, subscription.currency),
        own=_own(session, found),
        word=subscription.provider_status,
        asked_at=found.created_at,
        is_sent=found.sent_at is not None,
        is_accepted=found.accepted_at is not None,
        now=now,
    )


def fail(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    found: Settlement,
    why: SettlementRefusal,
    *,
    now: datetime,
) -> None:
    """Write that nothing is taken by it, and why; the customer is told what they can do."""
    found.failed_for = why
    _close(found, SettlementState.FAILED, now=now)
    _note(session, subscription, found, TimelineKind.SETTLEMENT_FAILED, by=PROVIDER, now=now, failed_for=why)
    settlement_notices.failed(ctx, session, subscription, found, now=now)
    log.info("settlement_failed", settlement_id=str(found.id), reason=why)


def _finish(session: Session, subscription: Subscription, found: Settlement, *, now: datetime) -> None:
    """Write that nothing is outstanding any more; that the payment is there is the missed payment's own mail."""
    own = settlements.own_payment(session, found)
    found.provider_id = own.provider_id if own is not None else found.provider_id
    _close(found, SettlementState.DONE, now=now)
    _note(session, subscription, found, TimelineKind.SETTLED, by=PROVIDER, now=now, payment=found.provider_id)
    log.info("settlement_done", settlement_id=str(found.id))


def _own(session: Session, found: Settlement) -> Own:
    """Return what is known of its own payment; one that nobody named and that was declined may be PayPal's own try."""
    payment = settlements.own_payment(session, found)
    if payment is None or (payment.state is PaymentState.DENIED and not found.provider_id):
        return Own.NONE
    return OWN.get(payment.state, Own.CAME)


def _ask(session: Session, subscription: Subscription, due: Money, by: By | None, *, now: datetime) -> Settlement:
    found = Settlement(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        amount=due.amount,
        currency=due.currency,
        state=SettlementState.RECORDED,
        created_at=now,
        next_try_at=now,
    )
    session.add(found)
    session.flush()
    customer = subscription.customer
    by = by or By(actor=Actor.CUSTOMER, actor_id=customer.id, channel=Channel.PORTAL, name=customer.name)
    _note(session, subscription, found, TimelineKind.SETTLEMENT_REQUESTED, by=by, now=now)
    tries.plan(session, found, at=now + tries.HEAD_START)
    return found


def _close(found: Settlement, state: SettlementState, *, now: datetime) -> None:
    found.move(state)
    found.closed_at, found.trouble, found.next_try_at = now, None, None


def _note(
    session: Session,
    subscription: Subscription,
    found: Settlement,
    kind: TimelineKind,
    *,
    by: By,
    now: datetime,
    **more: str,
) -> None:
    sums = {"amount": str(found.amount), "currency": found.currency}
    timeline.note(session, subscription, kind, key=str(found.id), at=now, by=by, **sums, **more)
