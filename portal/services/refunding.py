"""Carry a refund to PayPal: claim, read, call, read back, settle. No transaction is open while PayPal is asked.

« Given back » rests on a read: the refund's own, or the payment's among PayPal's transactions.  After a silence the
next try goes out under the same id, for which PayPal gives back once; a read of the payment comes before it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

import structlog

from portal.clock import utc_now
from portal.domain.end_requests import Trouble
from portal.domain.refunds import WORDS, RefundState
from portal.providers.ports import GatewayRefused, GatewayUnavailable, RefundReading, Refusal, RestGateway
from portal.secrets import CannotOpen
from portal.services import refunds
from portal.services.context import Context
from portal.services.gateways import NoKey, OtherEnvironment, rest_gateway
from portal.services.refunds import Claim, Outcome

log = structlog.get_logger(__name__)

WORKER: Final = 20.0  # seconds for one answer
VISITOR: Final = 6.0  # somebody waits for the page
AROUND: Final = timedelta(days=2)  # of the payment's time: how far its transaction is looked for
TROUBLES: Final = {
    Refusal.BAD_CREDENTIALS: Trouble.BAD_CREDENTIALS,
    Refusal.FORBIDDEN: Trouble.FORBIDDEN,
    Refusal.NOT_FOUND: Trouble.NOT_FOUND,
    Refusal.ACCOUNT_CLOSED: Trouble.ACCOUNT_CLOSED,
}


def carry_out(
    ctx: Context, merchant_id: uuid.UUID, refund_id: uuid.UUID, *, patience: float = WORKER, insist: bool = False
) -> None:
    """Take one refund as far as PayPal allows now; what remains is scheduled, never forgotten.

    `insist` tries at once although a later try is planned (somebody at the desk pressed the button).
    """
    claim = refunds.claim(ctx, merchant_id, refund_id, now=utc_now(), insist=insist)
    if claim is None:
        return
    try:
        outcome = _ask(ctx, claim, patience)
    except (NoKey, OtherEnvironment):
        outcome = Outcome(trouble=Trouble.NO_KEY)
    except CannotOpen:
        log.error("paypal_key_sealed_with_a_lost_master_key", merchant_id=str(merchant_id))
        outcome = Outcome(trouble=Trouble.NO_KEY)
    except GatewayRefused as refused:
        outcome = _from_refusal(refused)
    except GatewayUnavailable as unavailable:
        outcome = _from_silence(unavailable)
    except Exception:  # a defect of ours: plan the next try, so that it is not forgotten, then let it be seen
        refunds.settle(ctx, claim, Outcome(trouble=Trouble.UNAVAILABLE, facts={"reason": "defect"}), now=utc_now())
        raise
    refunds.settle(ctx, claim, outcome, now=utc_now())


def _ask(ctx: Context, claim: Claim, patience: float) -> Outcome:
    gateway = rest_gateway(ctx, claim.merchant_id, patience=patience, environment=claim.environment)
    if claim.refund:
        return _from_reading(gateway.show_refund(claim.refund))
    if not _read_payment(ctx, claim, gateway):
        return Outcome(lost=True)  # it has gone back, and is written; or another process took over
    if not refunds.note_call(ctx, claim, now=utc_now()):
        return Outcome(lost=True)
    try:
        taken = gateway.refund_sale(claim.sale, request_id=str(claim.refund_id), amount=claim.part)
    except GatewayRefused as refused:
        if refused.http_status in (401, 403, 409):
            raise
        return Outcome(lost=True) if not _read_payment(ctx, claim, gateway) else _from_refusal(refused)
    return _read_back(gateway, taken)


def _read_payment(ctx: Context, claim: Claim, gateway: RestGateway) -> bool:
    """Write what PayPal shows of the payment; say whether it is still to be given back by this try."""
    now = utc_now()
    end = max(min(claim.paid_at + AROUND, now), claim.paid_at + timedelta(minutes=1))
    shown = gateway.list_payments(claim.subscription, start=claim.paid_at - AROUND, end=end)
    return refunds.note_read(ctx, claim, shown, now=now)


def _read_back(gateway: RestGateway, taken: RefundReading) -> Outcome:
    """Read the refund that PayPal says it has made: until a read shows it as completed, it is pending."""
    try:
        return _from_reading(gateway.show_refund(taken.provider_id))
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("refund_read_back_failed", refund=taken.provider_id, reason=str(error))
        return Outcome(state=RefundState.PENDING, refund=taken.provider_id, debug_id=taken.debug_id)


def _from_reading(reading: RefundReading) -> Outcome:
    """Take PayPal's word; one that nobody has seen is not the end of it, so it is read again."""
    return Outcome(
        state=WORDS.get(reading.state, RefundState.PENDING),
        refund=reading.provider_id,
        amount=reading.amount,
        debug_id=reading.debug_id,
        facts={"state": reading.state},
    )


def _from_refusal(refused: GatewayRefused) -> Outcome:
    in_progress = refused.http_status == 409  # an earlier call is under way: the same one again, later
    return Outcome(
        trouble=Trouble.UNAVAILABLE if in_progress else TROUBLES.get(refused.refusal, Trouble.REFUSED),
        debug_id=refused.debug_id,
        facts={"http_status": refused.http_status, "issue": refused.issue},
    )


def _from_silence(unavailable: GatewayUnavailable) -> Outcome:
    limited = unavailable.http_status == 429
    return Outcome(
        trouble=Trouble.RATE_LIMITED if limited else Trouble.UNAVAILABLE,
        wait=timedelta(seconds=unavailable.retry_after) if unavailable.retry_after else None,
        debug_id=unavailable.debug_id,
        facts={"http_status": unavailable.http_status, "reason": unavailable.reason},
    )
