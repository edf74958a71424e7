"""The transactions around a refund: the intent, a claim for one try, that a call leaves, and what came of it.

PayPal keeps the id of a call for thirty days and gives back once for it; the id is the row's own.  Every try also
reads the payment first, so that what went back by hand, or under an id that PayPal forgot, is not sent again.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.end_requests import Channel, Trouble, retry_delay
from portal.domain.late_payments import LateState
from portal.domain.money import Money
from portal.domain.policies import Actor
from portal.domain.refunds import LEASE, CannotRefund, NoRefund, RefundState
from portal.models import LatePayment, Payment, Provider, Refund, Subscription, TimelineKind
from portal.providers.ports import PaymentReading
from portal.queries import late_payments as alarms
from portal.queries import paypal_accounts, refunds, subscriptions
from portal.services import key_marks, late_payment_notices, late_payments, payments, timeline
from portal.services.context import Context
from portal.services.gateways import slow_down, suspect_key
from portal.services.payments import Told

log = structlog.get_logger(__name__)

HEAD_START: Final = timedelta(seconds=10)  # the desk tries first; the worker takes over what it left
FOLLOW: Final = timedelta(hours=1)  # between two looks at a refund that PayPal calls pending, after the first ones
REFUSED_KEY: Final = frozenset({Trouble.BAD_CREDENTIALS, Trouble.FORBIDDEN})
FOR_THE_MERCHANT: Final = REFUSED_KEY | {Trouble.NO_KEY, Trouble.NOT_FOUND, Trouble.ACCOUNT_CLOSED, Trouble.REFUSED}


@dataclass(frozen=True, kw_only=True)
class By:
    """Who asks at the desk."""

    id: uuid.UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A refund taken for one try. `claimed_at` is the fence: a later claim makes this one void."""

    merchant_id: uuid.UUID
    refund_id: uuid.UUID
    subscription_id: uuid.UUID
    environment: str
    subscription: str  # PayPal's ids
    sale: str
    refund: str  # empty until PayPal has named it
    paid_at: datetime
    part: Money | None  # None: all of the payment
    claimed_at: datetime
    keys: Mapping[Provider, datetime]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a try brought: PayPal's word for the refund, or a trouble; `lost` when there is nothing to write."""

    state: RefundState | None = None
    refund: str = ""
    amount: Money | None = None  # how much PayPal gave back
    trouble: Trouble | None = None
    wait: timedelta | None = None
    debug_id: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    lost: bool = False


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


def claim(ctx: Context, merchant_id: uuid.UUID, refund_id: uuid.UUID, *, now: datetime, insist: bool) -> Claim | None:
    """Take the refund for one try; None when there is nothing to do now or somebody else is at it."""
    with ctx.db.begin() as session:
        subscription, refund = _lock(session, merchant_id, refund_id)
        if not refund.is_open or not _is_time(session, refund, now=now, insist=insist):
            return None
        if refund.state is not RefundState.PENDING:
            refund.move(RefundState.CALLING)
        refund.claimed_at = now
        refund.attempts += 1
        payment = session.get_one(Payment, refund.payment_id)
        return Claim(
            merchant_id=merchant_id,
            refund_id=refund_id,
            subscription_id=subscription.id,
            environment=subscription.environment,
            subscription=subscription.provider_id,
            sale=payment.provider_id,
            refund=refund.provider_id,
            paid_at=payment.paid_at,
            part=_part(refund, payment),
            claimed_at=now,
            keys=paypal_accounts.set_at(session, merchant_id),
        )


def _part(refund: Refund, payment: Payment) -> Money | None:
    """Return how much to ask for, None for all of it: never more than is left, somebody may have given a part back."""
    amount = min(refund.amount, payment.left) or refund.amount
    return None if amount == payment.amount else Money(amount, refund.currency)


def note_read(ctx: Context, claim: Claim, shown: tuple[PaymentReading, ...], *, now: datetime) -> bool:
    """Write what PayPal shows of the payment; say whether there is still something to give back by this try."""
    with ctx.db.begin() as session:
        subscription, _refund = _lock(session, claim.merchant_id, claim.refund_id)
        payments.take_over(ctx, session, subscription, shown, Told(sale_ids=()), now=now)
        session.flush()
        return _is_ours(refunds.lock(session, claim.refund_id), claim)


def note_call(ctx: Context, claim: Claim, *, now: datetime) -> bool:
    """Store that a call leaves now; False when another process has taken the refund meanwhile: nothing may be sent."""
    with ctx.db.begin() as session:
        _subscription, refund = _lock(session, claim.merchant_id, claim.refund_id)
        if not _is_ours(refund, claim):
            return False
        refund.sent_at = refund.sent_at or now
        return True


def settle(ctx: Context, claim: Claim, outcome: Outcome, *, now: datetime) -> None:
    """Write what the try brought. Another door may have closed the refund first: then this changes nothing."""
    if outcome.lost:
        return
    with ctx.db.begin() as session:
        subscription, refund = _lock(session, claim.merchant_id, claim.refund_id)
        if not _is_ours(refund, claim):
            return
        refund.claimed_at = None
        refund.debug_id = outcome.debug_id or refund.debug_id
        refund.answer = outcome.facts
        refund.provider_id = outcome.refund or refund.provider_id
        if outcome.state is not None:
            _take_word(ctx, session, subscription, refund, outcome, now=now)
        else:
            _wait(session, refund, claim, outcome, now=now)
        log.info("refund_tried", refund_id=str(refund.id), state=refund.state, trouble=refund.trouble)


def sweep(ctx: Context, *, now: datetime, limit: int = 200) -> int:
    """Give a job to every open refund whose time has passed without one: none that was asked for is forgotten."""
    with ctx.db.begin() as session:
        return _try_now(session, refunds.forgotten(session, before=now - timedelta(minutes=2), limit=limit), now=now)


def retry_all(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> int:
    """Try every refund that waits for the merchant again, for example once the key works; return how many."""
    return _try_now(session, refunds.lock_waiting(session, merchant_id), now=now)


def _try_now(session: Session, found: Sequence[Refund], *, now: datetime) -> int:
    for refund in found:
        refund.next_try_at = now
        _defer(session, refund, at=now)
    return len(found)


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
        actor=Actor.STAFF,
        actor_name=by.name,
        actor_id=by.id,
        channel=Channel.STAFF,
        amount=str(left),
        currency=payment.currency,
        payment=payment.provider_id,
    )
    _defer(session, refund, at=now + HEAD_START)
    return refund


def _take_word(
    ctx: Context, session: Session, subscription: Subscription, refund: Refund, outcome: Outcome, *, now: datetime
) -> None:
    """Write PayPal's word for a refund that it has named: pending is followed, the two others are the end of it."""
    state = outcome.state
    assert state is not None  # noqa: S101 - the caller asked
    refund.trouble = None
    if state is RefundState.PENDING:
        if refund.state is not RefundState.PENDING:
            refund.move(RefundState.PENDING)
        refund.next_try_at = now + min(FOLLOW, retry_delay(refund.attempts))
        _defer(session, refund, at=refund.next_try_at)
        return
    refund.move(state)
    refund.settled_at, refund.next_try_at = now, None
    if state is RefundState.DONE:
        payment = session.get_one(Payment, refund.payment_id)
        # One of the whole payment was asked for without a sum: PayPal gave back what was left of it.
        given = outcome.amount or Money(refund.amount, refund.currency)
        is_all = refund.amount == payment.amount and not payment.reversals
        payments.give_back(payment, refund.provider_id, None if is_all else given)
        late_payments.look(ctx, session, subscription, now=now)
        return
    late = alarms.of_payment(session, refund.payment_id)
    if late is not None:
        late_payment_notices.tell_again(late)
    timeline.note(
        session,
        subscription,
        TimelineKind.REFUND_FAILED,
        key=str(refund.id),
        at=now,
        actor=Actor.PROVIDER,
        amount=str(refund.amount),
        currency=refund.currency,
        refund=refund.provider_id,
    )


def _wait(session: Session, refund: Refund, claim: Claim, outcome: Outcome, *, now: datetime) -> None:
    """Plan the next try, or look; what the merchant has to clear is said to them, and tried on all the same."""
    used = claim.keys.get(Provider.PAYPAL_REST)
    replaced = key_marks.is_replaced(session, claim.merchant_id, Provider.PAYPAL_REST, used=used)
    is_new = refund.trouble is not outcome.trouble
    refund.trouble = outcome.trouble
    if outcome.trouble is Trouble.RATE_LIMITED and outcome.wait is not None:
        slow_down(session, claim.merchant_id, Provider.PAYPAL_REST, until=now + outcome.wait)
    if outcome.trouble in REFUSED_KEY and not replaced:
        suspect_key(session, claim.merchant_id, Provider.PAYPAL_REST, now=claim.claimed_at)
    if refund.state is not RefundState.PENDING:
        for_merchant = outcome.trouble in FOR_THE_MERCHANT and not (outcome.trouble in REFUSED_KEY and replaced)
        refund.move(RefundState.NEEDS_MERCHANT if for_merchant else RefundState.RETRYING)
        late = alarms.of_payment(session, refund.payment_id)
        if for_merchant and is_new and late is not None:
            late_payment_notices.tell_again(late)
    refund.next_try_at = now + retry_delay(refund.attempts, asked=outcome.wait)
    _defer(session, refund, at=refund.next_try_at)


def _lock(session: Session, merchant_id: uuid.UUID, refund_id: uuid.UUID) -> tuple[Subscription, Refund]:
    subscription_id = refunds.subscription_of(session, merchant_id, refund_id)
    subscription = subscriptions.lock(session, merchant_id, subscription_id)
    return subscription, refunds.lock(session, refund_id)


def _is_ours(refund: Refund, claim: Claim) -> bool:
    return refund.state in (RefundState.CALLING, RefundState.PENDING) and refund.claimed_at == claim.claimed_at


def _is_time(session: Session, refund: Refund, *, now: datetime, insist: bool) -> bool:
    """Say whether it may be tried now; when a claim stands, come back when it has run out."""
    if refund.claimed_at is not None and refund.claimed_at + LEASE > now:
        _defer(session, refund, at=refund.claimed_at + LEASE)
        return False
    return insist or refund.next_try_at is None or refund.next_try_at <= now + timedelta(seconds=1)


def _defer(session: Session, refund: Refund, *, at: datetime) -> None:
    queue.defer(session, queue.REFUND, at=at, merchant_id=str(refund.merchant_id), refund_id=str(refund.id))
