"""The transactions around a call to PayPal: take a request, note that a call leaves, write what came back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.audit import PORTAL, Act
from portal.domain.end_requests import (
    ALARM,
    LEASE,
    OPEN,
    TRUST_IN_204,
    Basis,
    RequestState,
    Trouble,
    retry_delay,
    verify_delay,
)
from portal.models import EndRequest, Merchant, PauseRequest, Provider, Subscription, TimelineKind
from portal.providers.ports import Reading
from portal.queries import end_requests, merchant_news, paypal_accounts, subscriptions
from portal.services import audit, endings, key_marks, notices, pause_outcomes, refunds, timeline
from portal.services.context import Context
from portal.services.gateways import slow_down, suspect_key
from portal.services.provider_facts import take_over

log = structlog.get_logger(__name__)

KEY_TROUBLES = frozenset({Trouble.BAD_CREDENTIALS, Trouble.NO_KEY})  # they stop every request of the merchant
REFUSED_KEY = frozenset({Trouble.BAD_CREDENTIALS, Trouble.FORBIDDEN})  # 401 and 403: the key is tested again
# A 403 may concern one object only (FACTS.md 1.5), so it stops nobody else.
MERCHANT_TROUBLES = KEY_TROUBLES | {Trouble.FORBIDDEN, Trouble.NOT_FOUND, Trouble.ACCOUNT_CLOSED, Trouble.REFUSED}
TRIES_BEFORE_ALARM = 3


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A request taken for one try. `claimed_at` is the fence: a later claim makes this one void."""

    merchant_id: uuid.UUID
    request_id: uuid.UUID
    subscription_id: uuid.UUID
    provider: Provider
    provider_id: str
    claimed_at: datetime
    keys: Mapping[Provider, datetime]  # the merchant's keys then: an answer to one that was replaced says nothing
    note: str
    was_sent: bool
    accepted_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a try brought: a reading that ends it, or a trouble; `lost` when another process took over."""

    reading: Reading | None = None
    basis: Basis | None = None
    accepted: bool = False
    trouble: Trouble | None = None
    wait: timedelta | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    lost: bool = False


def claim(ctx: Context, merchant_id: uuid.UUID, request_id: uuid.UUID, *, now: datetime, insist: bool) -> Claim | None:
    """Take the request for one try; None when there is nothing to do now or somebody else is at it."""
    with ctx.db.begin() as session:
        subscription, request = _lock(session, merchant_id, request_id)
        if not request.is_open or not _is_time(session, request, now=now, insist=insist):
            return None
        request.move(RequestState.CALLING)
        request.claimed_at = now
        request.attempts += 1
        return Claim(
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
        )


def note_call(ctx: Context, claim: Claim, before: Reading, *, now: datetime) -> bool:
    """Store PayPal's facts read before the call, and that the call leaves now: PayPal drops them afterwards.

    Returns False when another process has taken the request meanwhile: then nothing may be sent.
    """
    with ctx.db.begin() as session:
        subscription, request = _lock(session, claim.merchant_id, claim.request_id)
        if not _is_ours(request, claim):
            return False
        take_over(subscription, before, now=now)
        request.facts_before = request.facts_before or {
            "status": before.status,
            "next_billing_at": before.next_billing_at.isoformat() if before.next_billing_at else None,
            "last_payment_at": before.last_payment_at.isoformat() if before.last_payment_at else None,
            "owed": str(before.outstanding.amount) if before.outstanding else None,
            "owed_currency": before.outstanding.currency if before.outstanding else None,
            "read_at": now.isoformat(),
        }
        if request.sent_at is None:
            request.sent_at = now
            about = ("subscription", subscription.id)
            audit.append(
                session,
                claim.merchant_id,
                Act.END_REQUEST_SENT,
                by=PORTAL,
                at=now,
                subject=about,
                reference=request.reference,
            )
        return True


def note_provider(ctx: Context, claim: Claim, provider: Provider) -> None:
    """Remember in which of PayPal's two worlds the subscription was found (FACTS.md 0: its id does not tell)."""
    with ctx.db.begin() as session:
        subscriptions.lock(session, claim.merchant_id, claim.subscription_id).provider = provider


def settle(ctx: Context, claim: Claim, answer: Answer, *, now: datetime) -> None:
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
        if answer.reading is not None and answer.basis is not None:
            used = claim.keys.get(subscription.provider)
            if key_marks.mark_working(session, claim.merchant_id, subscription.provider, used=used, now=now):
                retry_all(session, claim.merchant_id, now=now)
            take_over(subscription, answer.reading, now=now)
            endings.record_end(ctx, session, request, subscription, basis=answer.basis, reading=answer.reading, now=now)
            return
        if answer.trouble in KEY_TROUBLES | REFUSED_KEY and key_marks.is_replaced(
            session, claim.merchant_id, subscription.provider, used=claim.keys.get(subscription.provider)
        ):
            request.move(RequestState.RETRYING)
            request.next_try_at = now
            _defer(session, request, at=now)
            return
        if answer.trouble in REFUSED_KEY:
            suspect_key(session, claim.merchant_id, subscription.provider, now=claim.claimed_at)
        _wait(ctx, session, request, subscription, answer, now=now)


def retry_all(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> int:
    """Try every request that waits for the merchant again, for example once the key works; return how many.

    Rows of other subscriptions are held without those: so what comes last of all is locked before them.
    """
    merchant_news.lock(session, merchant_id)
    waiting = session.scalars(
        select(EndRequest)
        .where(EndRequest.merchant_id == merchant_id, EndRequest.state == RequestState.NEEDS_MERCHANT)
        .with_for_update(key_share=True, skip_locked=True)  # one that is held is being tried just now
    ).all()
    for request in waiting:
        request.next_try_at = now
        _defer(session, request, at=now)
    others = pause_outcomes.retry_all(session, merchant_id, now=now) + refunds.retry_all(session, merchant_id, now=now)
    return len(waiting) + others


def sweep(ctx: Context, *, now: datetime, limit: int = 500) -> int:
    """Give a job to every open request whose time has passed without one: nobody who asked is forgotten.

    Jobs are written with the requests, so this finds something only after a loss (a restored backup,
    a job deleted by hand). Returns how many it found.
    """
    late = now - timedelta(minutes=2)
    time = func.coalesce(EndRequest.next_try_at, EndRequest.due_at, EndRequest.created_at)
    with ctx.db.begin() as session:
        overdue = session.scalars(
            select(EndRequest)
            .where(EndRequest.state.in_(OPEN), time < late)
            .where(or_(EndRequest.claimed_at.is_(None), EndRequest.claimed_at < now - LEASE))
            .order_by(EndRequest.created_at)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True)
        ).all()
        for request in overdue:
            request.next_try_at = now
            _defer(session, request, at=now)
    return len(overdue)


def _lock(session: Session, merchant_id: uuid.UUID, request_id: uuid.UUID) -> tuple[Subscription, EndRequest]:
    subscription_id = session.execute(
        select(EndRequest.subscription_id).where(EndRequest.id == request_id, EndRequest.merchant_id == merchant_id)
    ).scalar_one()
    subscription = subscriptions.lock(session, merchant_id, subscription_id)
    return subscription, end_requests.lock(session, request_id)


def _is_ours(request: EndRequest, claim: Claim) -> bool:
    return request.state is RequestState.CALLING and request.claimed_at == claim.claimed_at


def _is_time(session: Session, request: EndRequest, *, now: datetime, insist: bool) -> bool:
    """Say whether the request may be tried now; when a claim stands, come back when it has run out."""
    if request.due_at is not None and request.due_at > now:
        return False  # its own job, or the sweep, comes at that time
    if request.state is RequestState.CALLING and request.claimed_at is not None and request.claimed_at + LEASE > now:
        _defer(session, request, at=request.claimed_at + LEASE)
        return False
    early = request.next_try_at is not None and request.next_try_at > now + timedelta(seconds=1)
    return insist or not early


def _wait(
    ctx: Context, session: Session, request: EndRequest, subscription: Subscription, answer: Answer, *, now: datetime
) -> None:
    """Plan the next try and tell who must know; the customer's page says « recorded », never « failed »."""
    assert answer.trouble is not None  # noqa: S101 - an answer without a reading has a trouble
    request.trouble = answer.trouble
    if is_lagging(request, now=now):
        request.move(RequestState.VERIFYING)
    elif answer.trouble in MERCHANT_TROUBLES or alarms(request, subscription, now=now):
        _hand_to_merchant(ctx, session, request, subscription, now=now)
    else:
        request.move(RequestState.RETRYING)
    request.next_try_at = now + _delay(request, answer, now=now)
    _defer(session, request, at=request.next_try_at)
    notices.end_unconfirmed(ctx, session, request, session.get_one(Merchant, request.merchant_id), now=now)
    log.info("end_not_confirmed", request_id=str(request.id), trouble=request.trouble, attempts=request.attempts)


def alarms(request: EndRequest | PauseRequest, subscription: Subscription, *, now: datetime) -> bool:
    """Say whether the next payment is so near that the merchant must look, retries or not (rule 8)."""
    near = subscription.next_payment_at is not None and subscription.next_payment_at - now <= ALARM
    return near and request.attempts >= TRIES_BEFORE_ALARM


def is_lagging(request: EndRequest | PauseRequest, *, now: datetime) -> bool:
    """Say whether PayPal took the call a moment ago and only its read does not show it yet."""
    fresh = request.accepted_at is not None and now - request.accepted_at < TRUST_IN_204
    return fresh and request.trouble in (Trouble.STILL_LIVE, Trouble.UNAVAILABLE)


def _delay(request: EndRequest, answer: Answer, *, now: datetime) -> timedelta:
    if request.state is RequestState.VERIFYING and request.accepted_at is not None:
        return verify_delay(now - request.accepted_at)
    return retry_delay(request.attempts, asked=answer.wait)


def _hand_to_merchant(
    ctx: Context, session: Session, request: EndRequest, subscription: Subscription, *, now: datetime
) -> None:
    """Say in the merchant's inbox what stops it. A refused key stops every open request: one mail for all."""
    request.move(RequestState.NEEDS_MERCHANT)
    timeline.note(
        session,
        subscription,
        TimelineKind.NEEDS_MERCHANT,
        key=f"{request.id}:{request.trouble}",
        at=now,
        trouble=request.trouble,
        reference=request.reference,
    )
    if request.trouble in KEY_TROUBLES:
        key_marks.mark_broken(session, request.merchant_id, subscription.provider, now=now)
        _stop_the_others(session, request, subscription.provider)
    notices.needs_merchant(ctx, session, request, session.get_one(Merchant, request.merchant_id), now=now)


def _stop_the_others(session: Session, request: EndRequest, provider: Provider) -> None:
    """The key stops every open request of the merchant: say so on their pages too (cancellation.md, 401).

    Rows that another process holds are left to that process, which meets the same refusal.  As in `retry_all`,
    what comes last of all is locked before those of other subscriptions.
    """
    merchant_news.lock(session, request.merchant_id)
    others = session.scalars(
        select(EndRequest.id)
        .join(Subscription, Subscription.id == EndRequest.subscription_id)
        .where(
            EndRequest.merchant_id == request.merchant_id,
            EndRequest.id != request.id,
            EndRequest.state == RequestState.RETRYING,
            Subscription.provider == provider,
        )
        .with_for_update(key_share=True, skip_locked=True, of=EndRequest)
    ).all()
    session.execute(
        update(EndRequest)
        .where(EndRequest.id.in_(others))
        .values(state=RequestState.NEEDS_MERCHANT, trouble=request.trouble)
    )


def _defer(session: Session, request: EndRequest, *, at: datetime) -> None:
    queue.defer(
        session,
        queue.CARRY_OUT_END,
        at=at,
        rank=queue.rank_of_end(request.channel),
        merchant_id=str(request.merchant_id),
        request_id=str(request.id),
    )
