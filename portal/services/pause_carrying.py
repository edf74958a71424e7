"""Carry a pause or a resume to PayPal: claim, read, call, read back, settle; the same way as an end.

Suspend and activate have no idempotency key either: every try begins with a read, and *done* rests on a read.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

import structlog

from portal.clock import utc_now
from portal.domain.end_requests import Trouble
from portal.domain.pauses import PauseKind, PauseRefusal, Verdict
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Reading, Refusal, SubscriptionGateway
from portal.services import pause_settling
from portal.services.carrying_out import WORKER, Patience, answered, deadline, facts_of, find, only_read
from portal.services.context import Context
from portal.services.pause_settling import PauseAnswer, PauseClaim
from portal.services.settling import Answer

log = structlog.get_logger(__name__)

# PayPal wants a reason where nobody gave one.
NEUTRAL_NOTE: Final = {PauseKind.PAUSE: "Subscription paused", PauseKind.RESUME: "Subscription resumed"}
NOT_POSSIBLE: Final = frozenset({Refusal.STATUS_INVALID, Refusal.CANNOT_BE_ACTIVATED})


def carry_out(
    ctx: Context,
    merchant_id: uuid.UUID,
    request_id: uuid.UUID,
    *,
    patience: Patience = WORKER,
    insist: bool = False,
) -> None:
    """Take one request as far as PayPal allows now; what remains is scheduled, never forgotten."""
    claim = pause_settling.claim(ctx, merchant_id, request_id, now=utc_now(), insist=insist)
    if claim is None:
        return
    until = deadline(utc_now(), patience)
    try:
        answer = answered(lambda: _ask(ctx, claim, patience, until=until), merchant_id=merchant_id)
    except Exception:  # a defect of ours: plan the next try, then let it be seen
        defect = Answer(trouble=Trouble.UNAVAILABLE, facts={"reason": "defect"})
        pause_settling.settle(ctx, claim, defect, now=utc_now())
        raise
    pause_settling.settle(ctx, claim, answer, now=utc_now())


def _ask(ctx: Context, claim: PauseClaim, patience: Patience, *, until: datetime | None) -> Answer:
    """Read, call if PayPal's state allows it, read back."""
    gateway, before = find(ctx, claim, patience)
    seen = _from_reading(claim, before, facts={"status": before.status})
    if seen.verdict is not Verdict.CALL or only_read(claim):
        return seen
    if until is not None and utc_now() >= until:
        return Answer(trouble=Trouble.UNAVAILABLE)  # nothing was sent; the worker goes on
    if not pause_settling.note_call(ctx, claim, before, now=utc_now()):
        return Answer(lost=True)
    act = gateway.suspend_subscription if claim.kind is PauseKind.PAUSE else gateway.activate_subscription
    try:
        debug_id = act(claim.provider_id, reason=claim.note or NEUTRAL_NOTE[claim.kind])
    except GatewayRefused as refused:
        if refused.refusal not in NOT_POSSIBLE:
            raise
        return _after_refusal(gateway, claim, refused)
    return _read_back(gateway, claim, debug_id)


def _after_refusal(gateway: SubscriptionGateway, claim: PauseClaim, refused: GatewayRefused) -> PauseAnswer:
    """PayPal says no: its read says where it stands; « cannot be activated » is final unless it runs already."""
    facts = facts_of(refused)
    seen = _from_reading(claim, gateway.show_subscription(claim.provider_id), facts=facts)
    if seen.verdict is Verdict.CALL and refused.refusal is Refusal.CANNOT_BE_ACTIVATED:
        return PauseAnswer(reading=seen.reading, verdict=Verdict.REFUSED, refusal=PauseRefusal.THRESHOLD, facts=facts)
    return seen


def _read_back(gateway: SubscriptionGateway, claim: PauseClaim, debug_id: str) -> Answer:
    """Verify a 204 by a read: without one nobody is told anything."""
    facts = {"accepted": True, "debug_id": debug_id}
    try:
        after = gateway.show_subscription(claim.provider_id)
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("read_back_failed", request_id=str(claim.request_id), reason=str(error))
        return Answer(accepted=True, trouble=Trouble.UNAVAILABLE, facts=facts)
    return _from_reading(claim, after, facts=facts, accepted=True)


def _from_reading(
    claim: PauseClaim, reading: Reading, *, facts: dict[str, object], accepted: bool = False
) -> PauseAnswer:
    verdict, refusal = claim.verdict(reading, now=utc_now())
    if refusal is PauseRefusal.TOO_LATE and (accepted or only_read(claim)):
        verdict, refusal = Verdict.CALL, None  # PayPal took it, the read merely lags
    return PauseAnswer(
        reading=reading,
        verdict=verdict,
        refusal=refusal,
        accepted=accepted,
        trouble=Trouble.UNKNOWN_WORD if verdict is Verdict.UNKNOWN else Trouble.STILL_LIVE,
        facts=facts,
    )
