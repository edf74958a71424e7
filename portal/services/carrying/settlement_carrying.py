"""Carrying a settlement: « paid » rests on a read, of what is outstanding or of the payment itself.

PayPal keeps the id of a call for 72 hours and takes once for it; the id is the row's own, and calls end after a day.
Every try reads the subscription and its transactions first, so that nothing is asked for that came another way.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.ends.end_requests import Trouble
from portal.domain.money.money import Money
from portal.domain.money.settlements import CALL_FOR, SettlementRefusal, SettlementState, Verdict
from portal.domain.subscriptions import PROVIDER_OVER
from portal.models import Settlement, Subscription
from portal.providers.ports import (
    GatewayRefused,
    GatewayUnavailable,
    PaymentReading,
    Reading,
    Refusal,
    RestGateway,
)
from portal.queries.ends import end_requests
from portal.services.carrying import engine
from portal.services.carrying.answers import (
    MERCHANT_TROUBLES,
    REFUSED_KEY,
    WORKER,
    Answer,
    Claim,
    Patience,
    facts_of,
)
from portal.services.carrying.engine import Act, States
from portal.services.context import Context
from portal.services.ends import endings
from portal.services.money import payments, settlements
from portal.services.money.payments import Told
from portal.services.paypal.gateways import rest_gateway, suspect_key

log = structlog.get_logger(__name__)

NOTE: Final = "Outstanding balance, paid at the subscriber's request"  # the payer may read it at PayPal
BEFORE: Final = timedelta(days=2)  # the click: how far back payments are looked at
REFUSALS: Final = {
    Refusal.OTHER_SUM: SettlementRefusal.SUM_CHANGED,
    Refusal.STATUS_INVALID: SettlementRefusal.STATUS,
    Refusal.ACCOUNT_CLOSED: SettlementRefusal.ACCOUNT_CLOSED,
    Refusal.OTHER: SettlementRefusal.REFUSED,
}
OF_THE_PAYER: Final = "SUBSCRIBER_"  # how the issues begin that name whose account it is


@dataclass(frozen=True, kw_only=True)
class SettlementClaim(Claim):
    """A settlement taken for one try."""

    environment: str
    amount: Money
    asked_at: datetime
    was_sent: bool  # before this try: a call that may have been carried out


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What PayPal shows of the subscription at one moment."""

    reading: Reading
    payments: tuple[PaymentReading, ...]


@dataclass(frozen=True, kw_only=True)
class SettlementAnswer(Answer):
    """What PayPal said to the call, and what it showed afterwards; `sale`: its id of the payment."""

    seen: Seen | None
    sale: str = ""
    refusal: SettlementRefusal | None = None


class Settlements(Act[Settlement, SettlementClaim]):
    """The act of taking what is outstanding."""

    row = Settlement
    writes_readings = True
    states = States(
        calling=SettlementState.CALLING,
        verifying=SettlementState.VERIFYING,
        retrying=SettlementState.RETRYING,
        needs_merchant=SettlementState.NEEDS_MERCHANT,
        taken=frozenset({SettlementState.CALLING}),
    )

    def accepted_at(self, row: Settlement) -> datetime | None:
        return row.accepted_at

    def claimed(self, session: Session, subscription: Subscription, row: Settlement, **common: Any) -> SettlementClaim:
        return SettlementClaim(
            environment=subscription.environment,
            amount=row.money,
            asked_at=row.created_at,
            was_sent=row.sent_at is not None,
            **common,
        )

    def ask(self, ctx: Context, claim: SettlementClaim, patience: Patience, *, until: datetime | None) -> Answer:
        key = claim.keys.get(claim.provider)
        gateway = rest_gateway(
            ctx, claim.merchant_id, patience=patience.answer, environment=claim.environment, account=key
        )
        before = _look(gateway, claim)
        if until is not None and utc_now() >= until:
            return Answer(trouble=Trouble.UNAVAILABLE)  # nothing was sent; the worker goes on
        unclear = note_read(ctx, claim, before, now=utc_now())
        if unclear is not None:
            return unclear
        try:
            taken = gateway.capture_outstanding(
                claim.provider_id, amount=claim.amount, note=NOTE, request_id=str(claim.row_id)
            )
        except GatewayRefused as refused:
            return _after_refusal(gateway, claim, refused)
        return SettlementAnswer(
            accepted=True, seen=_look_again(gateway, claim), sale=taken.provider_id if taken is not None else ""
        )

    def write(
        self,
        ctx: Context,
        session: Session,
        subscription: Subscription,
        row: Settlement,
        claim: SettlementClaim,
        answer: Answer,
        *,
        now: datetime,
    ) -> bool:
        row.claimed_at = None
        if isinstance(answer, SettlementAnswer):
            return self._written(ctx, session, subscription, row, claim, answer, now=now)
        if claim.was_sent:
            return False
        if answer.trouble in REFUSED_KEY:
            suspect_key(session, claim.merchant_id, subscription.provider, now=claim.claimed_at)
        if answer.trouble in MERCHANT_TROUBLES:
            settlements.fail(ctx, session, subscription, row, SettlementRefusal.NO_LINK, now=now)
        elif row.sent_at is None and now - row.created_at >= CALL_FOR:
            settlements.fail(ctx, session, subscription, row, SettlementRefusal.NO_ANSWER, now=now)
        return not row.is_open

    def _written(
        self,
        ctx: Context,
        session: Session,
        subscription: Subscription,
        row: Settlement,
        claim: SettlementClaim,
        answer: SettlementAnswer,
        *,
        now: datetime,
    ) -> bool:
        """Write what PayPal said, then what it showed; what it showed decides."""
        if answer.accepted:
            row.accepted_at = row.accepted_at or now
            row.provider_id = answer.sale or row.provider_id
        if answer.seen is not None:
            take_over(ctx, session, subscription, answer.seen, now=now)
        # More than is outstanding: so much may be gone by the call before, which had no answer.
        is_unclear = answer.refusal is SettlementRefusal.SUM_CHANGED and claim.was_sent
        if row.is_open and answer.refusal is not None and not is_unclear:
            settlements.fail(ctx, session, subscription, row, answer.refusal, now=now)
        return not row.is_open

    def stops_here(self, subscription: Subscription, row: Settlement, *, now: datetime) -> bool:
        """Nothing clear for a day of what was sent: the merchant can see at PayPal what became of it."""
        return row.sent_at is not None and now - row.created_at >= CALL_FOR

    def hand_over(
        self,
        ctx: Context,
        session: Session,
        subscription: Subscription,
        row: Settlement,
        *,
        is_new: bool,
        now: datetime,
    ) -> None:
        """The inbox shows it as long as it stands so."""


SETTLEMENTS: Final = Settlements()


def carry_out(
    ctx: Context, merchant_id: uuid.UUID, settlement_id: uuid.UUID, *, patience: Patience = WORKER, insist: bool = False
) -> None:
    """Take one settlement as far as PayPal allows now (`engine.carry_out`)."""
    engine.carry_out(SETTLEMENTS, ctx, merchant_id, settlement_id, patience=patience, insist=insist)


def note_read(ctx: Context, claim: SettlementClaim, seen: Seen, *, now: datetime) -> Answer | None:
    """Write what PayPal shows before a call, and that the call leaves now; an answer where none is to leave.

    The settlement may be closed by it, or by another door meanwhile; an end that is asked for comes first.
    """
    with ctx.db.begin() as session:
        subscription, row = engine.lock(SETTLEMENTS, session, claim.merchant_id, claim.row_id, with_payments=True)
        if not engine.is_ours(SETTLEMENTS, row, claim):
            return Answer(lost=True)
        engine.key_works(session, subscription, claim, now=now)
        take_over(ctx, session, subscription, seen, now=now)
        if not row.is_open:
            return Answer(lost=True)
        verdict, why = settlements.verdict_of(session, subscription, row, now=now)
        request = end_requests.open_of(session, subscription.id)
        if verdict is Verdict.CALL and settlements.is_in_the_way(session, subscription, request, now=now):
            verdict, why = (Verdict.WAIT, None) if claim.was_sent else (Verdict.FAILED, SettlementRefusal.ENDING)
        if why is not None:
            settlements.fail(ctx, session, subscription, row, why, now=now)
            return Answer(lost=True)
        if verdict is Verdict.WAIT:
            return Answer(trouble=Trouble.STILL_LIVE, facts={"status": seen.reading.status})
        row.sent_at = row.sent_at or now
        return None


def take_over(ctx: Context, session: Session, subscription: Subscription, seen: Seen, *, now: datetime) -> None:
    """Take what PayPal shows through the doors that everybody comes by: they tell the customer, once."""
    payments.take_over(ctx, session, subscription, seen.payments, Told(sale_ids=()), now=now)
    endings.record_reading(ctx, session, subscription, seen.reading, now=now)
    settlements.follow(ctx, session, subscription, now=now)


def _look(gateway: RestGateway, claim: SettlementClaim) -> Seen:
    """Read the subscription, then its payments since a little before the click."""
    reading = gateway.show_subscription(claim.provider_id)
    start = claim.asked_at - BEFORE
    return Seen(reading=reading, payments=gateway.list_payments(claim.provider_id, start=start, end=utc_now() + BEFORE))


def _look_again(gateway: RestGateway, claim: SettlementClaim) -> Seen | None:
    """Read what became of a call that PayPal took; where it cannot be read, it is later."""
    try:
        return _look(gateway, claim)
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("settlement_read_back_failed", settlement_id=str(claim.row_id), reason=str(error))
        return None


def _after_refusal(gateway: RestGateway, claim: SettlementClaim, refused: GatewayRefused) -> Answer:
    """PayPal says no, and its read says where it stands: what it calls settled may have been by the call before."""
    facts = facts_of(refused)
    if refused.http_status == 409:  # another call on it is under way
        return Answer(trouble=Trouble.UNAVAILABLE, facts=facts)
    if refused.http_status in (401, 403, 404):
        raise refused
    seen = _look(gateway, claim)
    refusal = REFUSALS.get(refused.refusal)
    if refusal is SettlementRefusal.ACCOUNT_CLOSED and refused.issue.startswith(OF_THE_PAYER):
        refusal = SettlementRefusal.PAYER_ACCOUNT
    elif refusal is SettlementRefusal.STATUS and seen.reading.status in PROVIDER_OVER:
        refusal = SettlementRefusal.ENDING
    return SettlementAnswer(seen=seen, refusal=refusal, facts=facts)
