"""Carrying a pause or a resume: suspend and activate, the same way as an end; *done* rests on a read."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.ends.end_requests import Trouble
from portal.domain.ends.pauses import PauseKind, PauseRefusal, PauseState, Verdict
from portal.models import PauseRequest, Subscription
from portal.providers.ports import GatewayRefused, Reading, Refusal, SubscriptionGateway
from portal.queries.ends import end_requests
from portal.services.carrying import engine
from portal.services.carrying.answers import (
    WORKER,
    Answer,
    Patience,
    SubscriptionClaim,
    facts_of,
    read,
    read_back,
)
from portal.services.carrying.subscription_acts import SubscriptionAct, common_of, states_of
from portal.services.context import Context
from portal.services.dates.provider_facts import is_stale, take_over
from portal.services.ends import endings
from portal.services.notices import pause_notices, price_notices
from portal.services.pauses import pause_outcomes

TRIES_BEFORE_MERCHANT: Final = 6  # about ten hours: the merchant then looks too
# PayPal wants a reason where nobody gave one.
NEUTRAL_NOTE: Final = {PauseKind.PAUSE: "Subscription paused", PauseKind.RESUME: "Subscription resumed"}
NOT_POSSIBLE: Final = frozenset({Refusal.STATUS_INVALID, Refusal.CANNOT_BE_ACTIVATED})


@dataclass(frozen=True, kw_only=True)
class PauseClaim(SubscriptionClaim):
    """A request taken for one try."""

    kind: PauseKind
    resume_at: datetime | None
    failure_threshold: int

    def verdict(self, reading: Reading, *, now: datetime) -> tuple[Verdict, PauseRefusal | None]:
        """Return what the read means; a pause whose end has passed is not begun."""
        verdict, refusal = pause_outcomes.verdict_of(self.kind, reading, failure_threshold=self.failure_threshold)
        if verdict is Verdict.CALL and self.resume_at is not None and self.resume_at <= now:
            return Verdict.REFUSED, PauseRefusal.TOO_LATE
        return verdict, refusal


@dataclass(frozen=True, kw_only=True)
class PauseAnswer(Answer):
    """A reading with its verdict, and a trouble beside it while PayPal's read lags."""

    reading: Reading
    verdict: Verdict
    refusal: PauseRefusal | None = None


class Pauses(SubscriptionAct[PauseRequest, PauseClaim]):
    """The act of pausing, and that of resuming."""

    states = states_of(PauseState)
    row = PauseRequest

    def claimed(self, session: Session, subscription: Subscription, row: PauseRequest, **common: Any) -> PauseClaim:
        return PauseClaim(
            kind=row.kind,
            resume_at=row.resume_at,
            failure_threshold=subscription.failure_threshold,
            **common_of(row),
            **common,
        )

    def ask(self, ctx: Context, claim: PauseClaim, patience: Patience, *, until: datetime | None) -> Answer:
        gateway, before = read(ctx, claim, patience)
        seen = _from_reading(claim, before, facts={"status": before.status})
        if seen.verdict is not Verdict.CALL or claim.only_reads:
            return seen
        if until is not None and utc_now() >= until:
            return Answer(trouble=Trouble.UNAVAILABLE)  # nothing was sent; the worker goes on
        if not note_call(ctx, claim, before, now=utc_now()):
            return Answer(lost=True)
        act = gateway.suspend_subscription if claim.kind is PauseKind.PAUSE else gateway.activate_subscription
        try:
            debug_id = act(claim.provider_id, reason=claim.note or NEUTRAL_NOTE[claim.kind])
        except GatewayRefused as refused:
            if refused.refusal not in NOT_POSSIBLE:
                raise
            return _after_refusal(gateway, claim, refused)
        after, facts = read_back(gateway, claim, debug_id)
        if after is None:
            return Answer(accepted=True, trouble=Trouble.UNAVAILABLE, facts=facts)
        return _from_reading(claim, after, facts=facts, accepted=True)

    def write(
        self,
        ctx: Context,
        session: Session,
        subscription: Subscription,
        row: PauseRequest,
        claim: PauseClaim,
        answer: Answer,
        *,
        now: datetime,
    ) -> bool:
        """Take the read over by the one door, and say whether the request came to its end by it."""
        if answer.accepted:
            row.accepted_at = row.accepted_at or now
        if not isinstance(answer, PauseAnswer):
            return False
        engine.key_works(session, subscription, claim, now=now)
        stale = is_stale(subscription, answer.reading)
        endings.record_reading(ctx, session, subscription, answer.reading, now=now)
        if not row.is_open:
            return True  # the door itself has settled it, by the new state or by the end that it found
        if stale:
            return False
        if answer.verdict is Verdict.DONE:
            pause_outcomes.confirm(ctx, session, row, subscription, now=now)
        elif answer.refusal is not None:
            pause_outcomes.refuse(ctx, session, row, subscription, answer.refusal, now=now)
        return not row.is_open

    def stops_here(self, subscription: Subscription, row: PauseRequest, *, now: datetime) -> bool:
        return row.attempts >= TRIES_BEFORE_MERCHANT or super().stops_here(subscription, row, now=now)

    def named(self, row: PauseRequest) -> dict[str, Any]:
        return {"pause": row.kind}

    def tell(
        self, ctx: Context, session: Session, subscription: Subscription, row: PauseRequest, *, now: datetime
    ) -> None:
        pause_notices.stuck(ctx, session, row, now=now)


PAUSES: Final = Pauses()


def carry_out(
    ctx: Context, merchant_id: uuid.UUID, request_id: uuid.UUID, *, patience: Patience = WORKER, insist: bool = False
) -> None:
    """Take one pause or resume as far as PayPal allows now (`engine.carry_out`)."""
    engine.carry_out(PAUSES, ctx, merchant_id, request_id, patience=patience, insist=insist)


def note_call(ctx: Context, claim: PauseClaim, before: Reading, *, now: datetime) -> bool:
    """Store PayPal's facts read before the call, and that the call leaves now: a pause drops the next date.

    Returns False when the request was taken by another process, or an end took its place: then nothing is sent.
    """
    with ctx.db.begin() as session:
        subscription, request = engine.lock(PAUSES, session, claim.merchant_id, claim.row_id)
        if not engine.is_ours(PAUSES, request, claim) or end_requests.open_of(session, subscription.id) is not None:
            return False
        price = price_notices.price_of(subscription)
        take_over(subscription, before, now=now)
        price_notices.follow(ctx, session, subscription, price, now=now)
        request.sent_at = request.sent_at or now
        return True


def _after_refusal(gateway: SubscriptionGateway, claim: PauseClaim, refused: GatewayRefused) -> PauseAnswer:
    """PayPal says no: its read says where it stands; « cannot be activated » is final unless it runs already."""
    facts = facts_of(refused)
    seen = _from_reading(claim, gateway.show_subscription(claim.provider_id), facts=facts)
    if seen.verdict is Verdict.CALL and refused.refusal is Refusal.CANNOT_BE_ACTIVATED:
        return PauseAnswer(reading=seen.reading, verdict=Verdict.REFUSED, refusal=PauseRefusal.THRESHOLD, facts=facts)
    return seen


def _from_reading(
    claim: PauseClaim, reading: Reading, *, facts: dict[str, object], accepted: bool = False
) -> PauseAnswer:
    verdict, refusal = claim.verdict(reading, now=utc_now())
    if refusal is PauseRefusal.TOO_LATE and (accepted or claim.only_reads):
        verdict, refusal = Verdict.CALL, None  # PayPal took it, the read merely lags
    return PauseAnswer(
        reading=reading,
        verdict=verdict,
        refusal=refusal,
        accepted=accepted,
        trouble=Trouble.UNKNOWN_WORD if verdict is Verdict.UNKNOWN else Trouble.STILL_LIVE,
        facts=facts,
    )
