"""The transactions around a suspend or an activate: take a request, note that a call leaves, write what came back.

The same shape as `settling`, whose claim and answer it extends.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.end_requests import LEASE, Trouble, retry_delay, verify_delay
from portal.domain.pauses import PauseKind, PauseRefusal, PauseState, Verdict
from portal.models import Merchant, PauseRequest, Subscription, TimelineKind
from portal.providers.ports import Reading
from portal.queries import end_requests, pauses, paypal_accounts, subscriptions
from portal.services import endings, key_marks, pause_notices, pause_outcomes, settling, timeline
from portal.services.context import Context
from portal.services.gateways import slow_down, suspect_key
from portal.services.provider_facts import is_stale, take_over
from portal.services.settling import KEY_TROUBLES, MERCHANT_TROUBLES, REFUSED_KEY, Answer, Claim

log = structlog.get_logger(__name__)

TRIES_BEFORE_MERCHANT: Final = 6  # about ten hours: the merchant then looks too


@dataclass(frozen=True, kw_only=True)
class PauseClaim(Claim):
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
    """What a try brought: a reading with its verdict, or a trouble, or both while PayPal's read lags."""

    verdict: Verdict | None = None
    refusal: PauseRefusal | None = None


def claim(
    ctx: Context, merchant_id: uuid.UUID, request_id: uuid.UUID, *, now: datetime, insist: bool
) -> PauseClaim | None:
    """Take the request for one try; None when there is nothing to do now or somebody else is at it."""
    with ctx.db.begin() as session:
        subscription, request = _lock(session, merchant_id, request_id)
        if not request.is_open or not _is_time(session, request, now=now, insist=insist):
            return None
        request.move(PauseState.CALLING)
        request.claimed_at = now
        request.attempts += 1
        return PauseClaim(
            merchant_id=merchant_id,
            request_id=request_id,
            subscription_id=subscription.id,
            provider=subscription.provider,
            provider_id=subscription.provider_id,
            claimed_at=now,
            keys=paypal_accounts.set_at(session, merchant_id),
            note=request.provider_note,
            was_sent=request.sent_at is not None,
            accepted_at=request.accepted_at,
            kind=request.kind,
            resume_at=request.resume_at,
            failure_threshold=subscription.failure_threshold,
        )


def note_call(ctx: Context, claim: PauseClaim, before: Reading, *, now: datetime) -> bool:
    """Store PayPal's facts read before the call, and that the call leaves now: a pause drops the next date.

    Returns False when the request was taken by another process, or an end took its place: then nothing is sent.
    """
    with ctx.db.begin() as session:
        subscription, request = _lock(session, claim.merchant_id, claim.request_id)
        if not _is_ours(request, claim) or end_requests.open_of(session, subscription.id) is not None:
            return False
        take_over(subscription, before, now=now)
        request.sent_at = request.sent_at or now
        return True


def settle(ctx: Context, claim: PauseClaim, answer: Answer, *, now: datetime) -> None:
    """Write what the try brought. Another door may have settled it first: then this changes nothing."""
    if answer.lost:
        return
    with ctx.db.begin() as session:
        subscription, request = _lock(session, claim.merchant_id, claim.request_id)
        if not _is_ours(request, claim):
            return
        request.answer = answer.facts
        if answer.accepted:
            request.accepted_at = request.accepted_at or now
        if answer.trouble is Trouble.RATE_LIMITED and answer.wait is not None:
            slow_down(session, claim.merchant_id, subscription.provider, until=now + answer.wait)
        if isinstance(answer, PauseAnswer) and _is_settled(ctx, session, claim, request, subscription, answer, now=now):
            return
        if _key_was_replaced(session, claim, subscription, answer):
            request.move(PauseState.RETRYING)
            request.next_try_at = now
            pause_outcomes.defer(session, request, at=now)
            return
        if answer.trouble in REFUSED_KEY:
            suspect_key(session, claim.merchant_id, subscription.provider, now=claim.claimed_at)
        _wait(ctx, session, request, subscription, answer, now=now)


def sweep(ctx: Context, *, now: datetime, limit: int = 500) -> int:
    """Give a job to every open request whose time has passed without one, a missed resume included.

    Returns how many it found.
    """
    with ctx.db.begin() as session:
        overdue = pauses.lock_overdue(session, late=now - timedelta(minutes=2), now=now, limit=limit)
        for request in overdue:
            request.next_try_at = now
            pause_outcomes.defer(session, request, at=now)
    return len(overdue)


def _is_settled(
    ctx: Context,
    session: Session,
    claim: PauseClaim,
    request: PauseRequest,
    subscription: Subscription,
    answer: PauseAnswer,
    *,
    now: datetime,
) -> bool:
    """Take the read over by the one door, and say whether the request came to its end by it."""
    assert answer.reading is not None  # noqa: S101 - a verdict rests on a read
    used = claim.keys.get(subscription.provider)
    if key_marks.mark_working(session, claim.merchant_id, subscription.provider, used=used, now=now):
        settling.retry_all(session, claim.merchant_id, now=now)
    stale = is_stale(subscription, answer.reading)
    endings.record_reading(ctx, session, subscription, answer.reading, now=now)
    if not request.is_open:
        return True  # the door itself has settled it, by the new state or by the end that it found
    if stale:
        return False
    if answer.verdict is Verdict.DONE:
        pause_outcomes.confirm(ctx, session, request, subscription, now=now)
    elif answer.refusal is not None:
        pause_outcomes.refuse(ctx, session, request, subscription, answer.refusal, now=now)
    return not request.is_open


def _lock(session: Session, merchant_id: uuid.UUID, request_id: uuid.UUID) -> tuple[Subscription, PauseRequest]:
    subscription_id = session.execute(
        select(PauseRequest.subscription_id).where(
            PauseRequest.id == request_id, PauseRequest.merchant_id == merchant_id
        )
    ).scalar_one()
    subscription = subscriptions.lock(session, merchant_id, subscription_id)
    return subscription, pauses.lock(session, request_id)


def _is_ours(request: PauseRequest, claim: PauseClaim) -> bool:
    return request.state is PauseState.CALLING and request.claimed_at == claim.claimed_at


def _is_time(session: Session, request: PauseRequest, *, now: datetime, insist: bool) -> bool:
    """Say whether the request may be tried now; when a claim stands, come back when it has run out."""
    if request.due_at is not None and request.due_at > now:
        return False  # its own job, or the sweep, comes at that time
    if request.state is PauseState.CALLING and request.claimed_at is not None and request.claimed_at + LEASE > now:
        pause_outcomes.defer(session, request, at=request.claimed_at + LEASE)
        return False
    return insist or request.next_try_at is None or request.next_try_at <= now + timedelta(seconds=1)


def _key_was_replaced(session: Session, claim: PauseClaim, subscription: Subscription, answer: Answer) -> bool:
    """Say whether the refusal concerns a key that is no longer the merchant's."""
    return answer.trouble in KEY_TROUBLES | REFUSED_KEY and key_marks.is_replaced(
        session, claim.merchant_id, subscription.provider, used=claim.keys.get(subscription.provider)
    )


def _wait(
    ctx: Context, session: Session, request: PauseRequest, subscription: Subscription, answer: Answer, *, now: datetime
) -> None:
    """Plan the next try; what only the merchant can mend, or has lasted too long, is told to them once."""
    request.trouble = answer.trouble or Trouble.STILL_LIVE
    stuck = request.attempts >= TRIES_BEFORE_MERCHANT or settling.alarms(request, subscription, now=now)
    if settling.is_lagging(request, now=now):
        request.move(PauseState.VERIFYING)
    elif request.trouble in MERCHANT_TROUBLES or stuck:
        request.move(PauseState.NEEDS_MERCHANT)
        key = f"{request.id}:{request.trouble}"
        timeline.note(
            session,
            subscription,
            TimelineKind.NEEDS_MERCHANT,
            key=key,
            at=now,
            trouble=request.trouble,
            pause=request.kind,
        )
        pause_notices.stuck(ctx, session, request, session.get_one(Merchant, request.merchant_id), now=now)
    else:
        request.move(PauseState.RETRYING)
    delay = retry_delay(request.attempts, asked=answer.wait)
    if request.state is PauseState.VERIFYING and request.accepted_at is not None:
        delay = verify_delay(now - request.accepted_at)
    request.next_try_at = now + delay
    pause_outcomes.defer(session, request, at=request.next_try_at)
    log.info("pause_not_confirmed", request_id=str(request.id), trouble=request.trouble, attempts=request.attempts)
