"""Carrying a refund: « given back » rests on a read, the refund's own or the payment's among PayPal's transactions.

PayPal keeps the id of a call for thirty days and gives back once for it; the id is the row's own.  Every try also
reads the payment first, so that what went back by hand, or under an id that PayPal forgot, is not sent again.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.audit import PROVIDER
from portal.domain.ends.end_requests import Trouble, retry_delay
from portal.domain.money.money import Money
from portal.domain.money.refunds import WORDS, RefundState, rest
from portal.models import Payment, PaymentState, Refund, Subscription
from portal.providers.ports import (
    GatewayRefused,
    GatewayUnavailable,
    PaymentReading,
    RefundReading,
    Refusal,
    RestGateway,
)
from portal.queries.ends import carrying
from portal.queries.money import late_payments as alarms
from portal.services import tries
from portal.services.carrying import engine
from portal.services.carrying.answers import (
    MERCHANT_TROUBLES,
    WORKER,
    Answer,
    Claim,
    Patience,
    facts_of,
    from_refusal,
)
from portal.services.carrying.engine import Act, States
from portal.services.context import Context
from portal.services.dates import paid_time
from portal.services.money import late_payments, payment_events, payments, refunds, withdrawal_refunds
from portal.services.money.payments import Told
from portal.services.notices import late_payment_notices
from portal.services.paypal.gateways import rest_gateway

log = structlog.get_logger(__name__)

FOLLOW: Final = timedelta(hours=1)  # between two looks at a refund that PayPal calls pending, after the first ones
KNOWN_FOR: Final = timedelta(days=29)  # PayPal knows a call by its id for thirty days
AROUND: Final = timedelta(days=2)  # of the payment's time: how far its transaction is looked for


@dataclass(frozen=True, kw_only=True)
class RefundClaim(Claim):
    """A refund taken for one try."""

    environment: str
    sale: str  # PayPal's id of the payment
    refund: str  # PayPal's id of the refund; empty until it has named it
    paid_at: datetime
    sent_at: datetime | None  # when a call left first


@dataclass(frozen=True, kw_only=True)
class RefundAnswer(Answer):
    """PayPal's word for the refund, which it has named."""

    state: RefundState
    refund: str
    amount: Money | None = None  # how much PayPal gave back


class Refunds(Act[Refund, RefundClaim]):
    """The act of giving a payment back."""

    row = Refund
    states = States(
        calling=RefundState.CALLING,
        retrying=RefundState.RETRYING,
        needs_merchant=RefundState.NEEDS_MERCHANT,
        taken=frozenset({RefundState.CALLING, RefundState.PENDING}),
    )

    def is_taken_by_paypal(self, row: Refund) -> bool:
        return row.state is RefundState.PENDING

    def claimed(self, session: Session, subscription: Subscription, row: Refund, **common: Any) -> RefundClaim:
        payment = session.get_one(Payment, row.payment_id)
        return RefundClaim(
            environment=subscription.environment,
            sale=payment.provider_id,
            refund=row.provider_id,
            paid_at=payment.paid_at,
            sent_at=row.sent_at,
            **common,
        )

    def ask(self, ctx: Context, claim: RefundClaim, patience: Patience, *, until: datetime | None) -> Answer:
        try:
            return self._asked(ctx, claim, patience)
        except GatewayRefused as refused:
            return _from_refusal(refused)

    def _asked(self, ctx: Context, claim: RefundClaim, patience: Patience) -> Answer:
        gateway = rest_gateway(ctx, claim.merchant_id, patience=patience.answer, environment=claim.environment)
        if claim.refund:
            return _from_reading(gateway.show_refund(claim.refund))
        if not _read_payment(ctx, claim, gateway):
            return Answer(lost=True)  # it has gone back, and is written; or another process took over
        if claim.sent_at is not None and utc_now() - claim.sent_at > KNOWN_FOR:
            return Answer(trouble=Trouble.REFUSED)  # PayPal may have forgotten the call: another might give back twice
        noted = note_call(ctx, claim, now=utc_now())
        if isinstance(noted, Answer):
            return noted
        try:
            taken = gateway.refund_sale(claim.sale, request_id=str(claim.row_id), amount=noted.part)
        except GatewayRefused as refused:
            if refused.http_status in (401, 403, 409):
                raise
            return Answer(lost=True) if not _read_payment(ctx, claim, gateway) else _from_refusal(refused)
        return _read_back(gateway, taken)

    def write(
        self,
        ctx: Context,
        session: Session,
        subscription: Subscription,
        row: Refund,
        claim: RefundClaim,
        answer: Answer,
        *,
        now: datetime,
    ) -> bool:
        row.claimed_at = None
        row.debug_id = answer.facts.get("debug_id") or row.debug_id
        if not isinstance(answer, RefundAnswer):
            return False
        row.provider_id = answer.refund or row.provider_id
        row.trouble = None
        if answer.state is RefundState.PENDING:
            if row.state is not RefundState.PENDING:
                row.move(RefundState.PENDING)
            tries.again(session, row, at=now + min(FOLLOW, retry_delay(row.attempts)))
        else:
            _close(ctx, session, subscription, row, answer, now=now)
        return True

    def stops_here(self, subscription: Subscription, row: Refund, *, now: datetime) -> bool:
        return row.trouble in MERCHANT_TROUBLES

    def hand_over(
        self, ctx: Context, session: Session, subscription: Subscription, row: Refund, *, is_new: bool, now: datetime
    ) -> None:
        """The alarm of the payment says it again, once for each trouble."""
        late = alarms.of_payment(session, row.payment_id)
        if late is not None and is_new:
            late_payment_notices.tell_again(late)


REFUNDS: Final = Refunds()


def carry_out(
    ctx: Context, merchant_id: uuid.UUID, refund_id: uuid.UUID, *, patience: Patience = WORKER, insist: bool = False
) -> None:
    """Take one refund as far as PayPal allows now (`engine.carry_out`)."""
    engine.carry_out(REFUNDS, ctx, merchant_id, refund_id, patience=patience, insist=insist)


def note_read(ctx: Context, claim: RefundClaim, shown: tuple[PaymentReading, ...], *, now: datetime) -> bool:
    """Write what PayPal shows of the payment; say whether there is still something to give back by this try."""
    with ctx.db.begin() as session:
        subscription, _refund = engine.lock(REFUNDS, session, claim.merchant_id, claim.row_id)
        payments.take_over(ctx, session, subscription, shown, Told(sale_ids=()), now=now)
        session.flush()
        return engine.is_ours(REFUNDS, carrying.lock(session, Refund, claim.row_id), claim)


@dataclass(frozen=True)
class Sum:
    """How much is asked for; None: all of the payment."""

    part: Money | None


def note_call(ctx: Context, claim: RefundClaim, *, now: datetime) -> Sum | Answer:
    """Store that a call leaves now, and return for how much; or an answer, where nothing may be sent.

    Another process has taken the refund meanwhile; or somebody gave a part back and PayPal does not say how much.
    """
    with ctx.db.begin() as session:
        _subscription, refund = engine.lock(REFUNDS, session, claim.merchant_id, claim.row_id)
        if not engine.is_ours(REFUNDS, refund, claim):
            return Answer(lost=True)
        payment = session.get_one(Payment, refund.payment_id)
        amount = rest(refund.amount, left_before=refund.left_before, left=payment.left)
        if amount <= 0 or _is_unclear(refund, payment):
            return Answer(trouble=Trouble.REFUSED)
        refund.sent_at = refund.sent_at or now
        return Sum(None if amount == payment.amount else Money(amount, refund.currency))


def _is_unclear(refund: Refund, payment: Payment) -> bool:
    """Say whether a part went back that is not ours for sure, and nobody knows how much: its message is awaited.

    A call of ours without an answer may be made again: PayPal knows it by its id.
    """
    is_part = payment.state is PaymentState.PARTIALLY_REFUNDED and not payment.went_back
    is_ours = refund.sent_at is not None and refund.trouble in (None, Trouble.UNAVAILABLE, Trouble.RATE_LIMITED)
    return is_part and not is_ours


def _close(
    ctx: Context, session: Session, subscription: Subscription, refund: Refund, answer: RefundAnswer, *, now: datetime
) -> None:
    """Write PayPal's last word for a refund: the money went back, or it never will by this one."""
    refund.move(answer.state)
    refund.settled_at, refund.next_try_at = now, None
    if answer.state is RefundState.DONE:
        payment, before = session.get_one(Payment, refund.payment_id), paid_time.money_of(subscription)
        # One of the whole payment was asked for without a sum: PayPal gave back what was left of it.
        given = answer.amount or Money(refund.amount, refund.currency)
        is_all = refund.amount == payment.amount and not payment.reversals
        stood = payment.standing
        payments.give_back(payment, refund.provider_id, None if is_all else given)
        if given.currency == refund.currency:
            refund.amount = given.amount
        session.flush()
        # The same as when PayPal's message brings the news first: what goes back whole takes its period back.
        session.expire(subscription, ["payments"])
        payment_events.follow(session, subscription, payment, stood, now=now)
        paid_time.follow_payments(subscription, before, now=now)
        refunds.tell_done(ctx, session, subscription, refund, payment, now=now)
        withdrawal_refunds.follow(session, subscription, now=now)
        late_payments.look(ctx, session, subscription, now=now)
        return
    late = alarms.of_payment(session, refund.payment_id)
    if late is not None:
        late_payment_notices.tell_again(late)
    refunds.note_failed(session, subscription, refund, by=PROVIDER, now=now)


def _read_payment(ctx: Context, claim: RefundClaim, gateway: RestGateway) -> bool:
    """Write what PayPal shows of the payment; say whether it is still to be given back by this try."""
    now = utc_now()
    end = max(min(claim.paid_at + AROUND, now), claim.paid_at + timedelta(minutes=1))
    shown = gateway.list_payments(claim.provider_id, start=claim.paid_at - AROUND, end=end)
    return note_read(ctx, claim, shown, now=now)


def _read_back(gateway: RestGateway, taken: RefundReading) -> RefundAnswer:
    """Read the refund that PayPal says it has made: until a read shows it as completed, it is pending."""
    try:
        return _from_reading(gateway.show_refund(taken.provider_id))
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("refund_read_back_failed", refund=taken.provider_id, reason=str(error))
        facts = {"debug_id": taken.debug_id}
        return RefundAnswer(state=RefundState.PENDING, refund=taken.provider_id, facts=facts)


def _from_reading(reading: RefundReading) -> RefundAnswer:
    """Take PayPal's word; one that nobody has seen is not the end of it, so it is read again."""
    return RefundAnswer(
        state=WORDS.get(reading.state, RefundState.PENDING),
        refund=reading.provider_id,
        amount=reading.amount,
        facts={"state": reading.state, "debug_id": reading.debug_id},
    )


def _from_refusal(refused: GatewayRefused) -> Answer:
    """Return what a refusal means for money: a call under way is asked again later, « not this one » stands."""
    facts = facts_of(refused)
    if refused.http_status == 409:
        return Answer(trouble=Trouble.UNAVAILABLE, facts=facts)
    if refused.refusal is Refusal.STATUS_INVALID:
        return Answer(trouble=Trouble.REFUSED, facts=facts)
    return from_refusal(refused)
