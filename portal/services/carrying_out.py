"""Carry a request to end to PayPal: claim, read, call, read back, settle (cancellation.md, rules 2 to 8).

Each step is a short transaction of its own; nothing is locked while PayPal is asked.  PayPal's
cancel has no idempotency key, so every try begins with a read and calls only what is still live.
Safe to run twice, late, or after a process died at any point: what counts is in the row.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from portal.clock import utc_now
from portal.domain.end_requests import TRUST_IN_204, Basis, Trouble
from portal.domain.subscriptions import PROVIDER_NOT_STARTED, status_from_provider
from portal.models import Provider
from portal.providers.ports import (
    GatewayRefused,
    GatewayUnavailable,
    Reading,
    Refusal,
    SubscriptionGateway,
)
from portal.secrets import CannotOpen
from portal.services import settling
from portal.services.context import Context
from portal.services.gateways import NoKey, gateway_for, heed
from portal.services.provider_facts import is_over
from portal.services.settling import Answer, Claim

log = structlog.get_logger(__name__)

TROUBLES = {
    Refusal.BAD_CREDENTIALS: Trouble.BAD_CREDENTIALS,
    Refusal.FORBIDDEN: Trouble.FORBIDDEN,
    Refusal.NOT_FOUND: Trouble.NOT_FOUND,
    Refusal.ACCOUNT_CLOSED: Trouble.ACCOUNT_CLOSED,
    Refusal.STATUS_INVALID: Trouble.STILL_LIVE,
}
NEUTRAL_NOTE = "Subscription ended"  # PayPal wants a reason, the law lets nobody demand one (law.md 0.5)


@dataclass(frozen=True)
class Patience:
    """How long a try may take: seconds for one answer, and for all of it (None: as long as it needs)."""

    answer: float = 20.0
    whole: float | None = None


WORKER = Patience()
VISITOR = Patience(answer=4.0, whole=8.0)  # somebody waits for the page (rule 3)


def carry_out(
    ctx: Context,
    merchant_id: uuid.UUID,
    request_id: uuid.UUID,
    *,
    patience: Patience = WORKER,
    insist: bool = False,
) -> None:
    """Take one request as far as PayPal allows now; what remains is scheduled, never forgotten.

    `insist` tries at once although a later try is planned (somebody at the desk pressed the button).
    """
    claim = settling.claim(ctx, merchant_id, request_id, now=utc_now(), insist=insist)
    if claim is None:
        return
    until = deadline(utc_now(), patience)
    try:
        answer = answered(lambda: _ask(ctx, claim, patience, deadline=until), merchant_id=merchant_id)
    except Exception:  # a defect of ours: plan the next try, so that nobody is forgotten, then let it be seen
        settling.settle(ctx, claim, Answer(trouble=Trouble.UNAVAILABLE, facts={"reason": "defect"}), now=utc_now())
        raise
    settling.settle(ctx, claim, answer, now=utc_now())


def answered(ask: Callable[[], Answer], *, merchant_id: uuid.UUID) -> Answer:
    """Return what `ask` brought; a key that is missing, a refusal and a silence each have their trouble."""
    try:
        return ask()
    except NoKey:
        return Answer(trouble=Trouble.NO_KEY)
    except CannotOpen:
        log.error("paypal_key_sealed_with_a_lost_master_key", merchant_id=str(merchant_id))
        return Answer(trouble=Trouble.NO_KEY)
    except GatewayRefused as refused:
        return _from_refusal(refused)
    except GatewayUnavailable as unavailable:
        return _from_silence(unavailable)


def _ask(ctx: Context, claim: Claim, patience: Patience, *, deadline: datetime | None) -> Answer:
    """Read, call if it is still live, read back."""
    gateway, before = find(ctx, claim, patience)
    if _nothing_to_call(before) or only_read(claim):
        return _from_reading(before, called=claim.was_sent)
    if deadline is not None and utc_now() >= deadline:
        return Answer(trouble=Trouble.UNAVAILABLE)  # nothing was sent; the worker goes on
    if not settling.note_call(ctx, claim, before, now=utc_now()):
        return Answer(lost=True)
    try:
        debug_id = gateway.cancel_subscription(claim.provider_id, reason=claim.note or NEUTRAL_NOTE)
    except GatewayRefused as refused:
        if refused.refusal is not Refusal.STATUS_INVALID:
            raise
        return _from_reading(gateway.show_subscription(claim.provider_id), called=True, refused=refused)
    return _read_back(gateway, claim, debug_id)


def find(ctx: Context, claim: Claim, patience: Patience) -> tuple[SubscriptionGateway, Reading]:
    """Read the subscription; one that REST does not know may be a classic profile (cancellation.md, 404)."""
    gateway = gateway_for(ctx, claim.merchant_id, claim.provider, patience=patience.answer)
    try:
        return gateway, gateway.show_subscription(claim.provider_id)
    except GatewayRefused as unknown:
        if unknown.refusal is not Refusal.NOT_FOUND or claim.provider is Provider.PAYPAL_CLASSIC:
            raise
        try:
            gateway = gateway_for(ctx, claim.merchant_id, Provider.PAYPAL_CLASSIC, patience=patience.answer)
            found = gateway.show_subscription(claim.provider_id)
        except (NoKey, CannotOpen):
            raise unknown from None
        except (GatewayRefused, GatewayUnavailable) as error:
            with ctx.db.begin() as session:  # it concerns the classic key alone
                heed(session, claim.merchant_id, Provider.PAYPAL_CLASSIC, error, now=utc_now())
            if isinstance(error, GatewayRefused):
                raise unknown from None
            raise GatewayUnavailable("the classic API does not answer", retry_after=error.retry_after) from None
    settling.note_provider(ctx, claim, Provider.PAYPAL_CLASSIC)
    return gateway, found


def _read_back(gateway: SubscriptionGateway, claim: Claim, debug_id: str) -> Answer:
    """Verify a 204 by a read: without one nobody is told anything."""
    facts = {"accepted": True, "debug_id": debug_id}  # REST says so by 204, the classic API by its ACK
    try:
        after = gateway.show_subscription(claim.provider_id)
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("read_back_failed", request_id=str(claim.request_id), reason=str(error))
        return Answer(accepted=True, trouble=Trouble.UNAVAILABLE, facts=facts)
    if _nothing_to_call(after):
        return Answer(reading=after, basis=_basis(after, called=True), facts=facts)
    return Answer(accepted=True, trouble=Trouble.STILL_LIVE, facts=facts)


def _nothing_to_call(reading: Reading) -> bool:
    return is_over(reading) or reading.status in PROVIDER_NOT_STARTED


def only_read(claim: Claim) -> bool:
    """After a 204 the read may lag: read again for a while before calling again."""
    return claim.accepted_at is not None and utc_now() - claim.accepted_at < TRUST_IN_204


def _basis(reading: Reading, *, called: bool) -> Basis:
    if not is_over(reading):
        return Basis.NEVER_STARTED
    return Basis.READ_AFTER_CALL if called else Basis.ALREADY_OVER


def _from_reading(reading: Reading, *, called: bool, refused: GatewayRefused | None = None) -> Answer:
    facts = facts_of(refused) if refused else {"status": reading.status}
    if _nothing_to_call(reading):
        return Answer(reading=reading, basis=_basis(reading, called=called), facts=facts)
    unknown = status_from_provider(reading.status, failed_payments=0) is None
    return Answer(trouble=Trouble.UNKNOWN_WORD if unknown else Trouble.STILL_LIVE, facts=facts)


def _from_refusal(refused: GatewayRefused) -> Answer:
    if refused.http_status == 409:  # another call on it is under way: read again later (FACTS.md 1.5)
        return Answer(trouble=Trouble.STILL_LIVE, facts=facts_of(refused))
    return Answer(trouble=TROUBLES.get(refused.refusal, Trouble.REFUSED), facts=facts_of(refused))


def _from_silence(unavailable: GatewayUnavailable) -> Answer:
    limited = unavailable.http_status == 429
    return Answer(
        trouble=Trouble.RATE_LIMITED if limited else Trouble.UNAVAILABLE,
        wait=timedelta(seconds=unavailable.retry_after) if unavailable.retry_after else None,
        facts={
            "http_status": unavailable.http_status,
            "reason": unavailable.reason,
            "debug_id": unavailable.debug_id,
        },
    )


def facts_of(refused: GatewayRefused) -> dict[str, object]:
    """Return what is kept of a refusal."""
    return {"http_status": refused.http_status, "issue": refused.issue, "debug_id": refused.debug_id}


def deadline(started: datetime, patience: Patience) -> datetime | None:
    """Return when a try must be over, None when it may take as long as it needs."""
    return started + timedelta(seconds=patience.whole) if patience.whole is not None else None
