"""What becomes of requests to pause and resume: one function for each outcome, whoever learns of it.

The engine, a webhook, the nightly comparison and an end all come here with the subscription locked, so that
one pause gives one entry and one mail.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from portal.domain.ends.pauses import PauseKind, PauseRefusal, PauseState, Verdict, judge
from portal.domain.subscriptions import Status
from portal.models import EndRequest, PauseRequest, Subscription, TimelineKind
from portal.providers.ports import Reading
from portal.queries import surroundings
from portal.queries.ends import pauses
from portal.queries.surroundings import Part
from portal.services import tries
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.notices import pause_notices

log = structlog.get_logger(__name__)

DONE = {PauseKind.PAUSE: TimelineKind.PAUSED, PauseKind.RESUME: TimelineKind.RESUMED}


def verdict_of(kind: PauseKind, reading: Reading, *, failure_threshold: int) -> tuple[Verdict, PauseRefusal | None]:
    """Return what a read means for a request; the plan's threshold as stored, unless the read brings it."""
    threshold = reading.plan.failure_threshold if reading.plan is not None else failure_threshold
    return judge(kind, reading.status, failed_payments=reading.failed_payments, failure_threshold=threshold)


def follow(ctx: Context, session: Session, subscription: Subscription, reading: Reading, *, now: datetime) -> bool:
    """PayPal showed another living state: settle the open requests that it answers.

    Returns whether one of them explains the new state, which then needs no entry of its own.
    """
    explained = False
    for request in pauses.lock_open(session, subscription.id):
        verdict, refusal = verdict_of(request.kind, reading, failure_threshold=subscription.failure_threshold)
        if verdict is Verdict.DONE:
            confirm(ctx, session, request, subscription, now=now)
            explained = subscription.status in (Status.PAUSED, Status.ACTIVE)
        elif refusal is not None:
            refuse(ctx, session, request, subscription, refusal, now=now)
    return explained


def confirm(
    ctx: Context, session: Session, request: PauseRequest, subscription: Subscription, *, now: datetime
) -> None:
    """Write that PayPal's read shows it. A pause with an end writes the resume now: it cannot be forgotten."""
    request.move(PauseState.DONE)
    request.done_at, request.trouble, request.next_try_at = now, None, None
    note(session, subscription, request, DONE[request.kind], at=now)
    if request.kind is PauseKind.PAUSE:
        if request.resume_at is not None:
            write(session, subscription, _resume_of(request), now=now)
        pause_notices.paused(ctx, session, request, now=now)
    else:
        pause_notices.resumed(ctx, session, request, now=now)
    log.info("pause_confirmed", request_id=str(request.id), kind=request.kind)


def refuse(
    ctx: Context,
    session: Session,
    request: PauseRequest,
    subscription: Subscription,
    refusal: PauseRefusal,
    *,
    now: datetime,
) -> None:
    """Write that it cannot be, and why; whoever waits for it is told the real choices."""
    request.move(PauseState.REFUSED)
    request.refused_for, request.refused_at, request.next_try_at = refusal, now, None
    note(session, subscription, request, TimelineKind.PAUSE_REFUSED, at=now, refused_for=refusal)
    pause_notices.refused(ctx, session, request, now=now)
    log.info("pause_refused", request_id=str(request.id), kind=request.kind, reason=refusal)


def withdraw(session: Session, subscription: Subscription, request: PauseRequest, *, now: datetime) -> None:
    """Take a request back; the row stays."""
    request.move(PauseState.WITHDRAWN)
    request.withdrawn_at, request.next_try_at = now, None
    session.flush()  # before another one of its kind is written


def withdraw_all(session: Session, subscription: Subscription, end: EndRequest, *, now: datetime) -> None:
    """An end outranks a pause: what is open gives way to it, in the end's own transaction.

    A call that is under way then settles nothing; PayPal cancels a suspended subscription as well as an active
    one, and refuses to suspend or activate a cancelled one: whichever call arrives first, the end stands.
    """
    if surroundings.lacks(session, subscription.id, Part.PAUSE):
        return
    for request in pauses.lock_open(session, subscription.id):
        request.ended_by_id = end.id
        withdraw(session, subscription, request, now=now)
        timeline.note(
            session,
            subscription,
            TimelineKind.PAUSE_WITHDRAWN,
            key=str(request.id),
            at=now,
            pause=request.kind,
            is_for_end=True,
        )


def restore(session: Session, subscription: Subscription, end: EndRequest, *, now: datetime) -> None:
    """The end was taken back: a resume that was planned comes back too, or the pause would never end.

    Of a pause that had left for PayPal nobody knows yet whether it began there: its own end is written all the same.
    """
    for former in pauses.ended_by(session, end.id):
        if former.kind is PauseKind.RESUME and subscription.status is not Status.PAUSED:
            continue
        again = PauseRequest(
            merchant_id=former.merchant_id,
            kind=PauseKind.RESUME,
            actor=former.actor,
            actor_id=former.actor_id,
            actor_name=former.actor_name,
            channel=former.channel,
            provider_note=former.provider_note,
            due_at=former.resume_at if former.kind is PauseKind.PAUSE else former.due_at,
        )
        write(session, subscription, again, now=now)
        note(session, subscription, again, TimelineKind.RESUME_REQUESTED, at=now)


def write(
    session: Session,
    subscription: Subscription,
    request: PauseRequest,
    *,
    now: datetime,
    head_start: datetime | None = None,
) -> None:
    """Add a request and its job to the transaction; `head_start` is until when the web tries first."""
    request.id, request.created_at, request.state = uuid.uuid4(), now, PauseState.RECORDED
    request.subscription = subscription
    session.add(request)
    session.flush()
    tries.plan(session, request, at=max(request.due_at or head_start or now, now))


def note(
    session: Session,
    subscription: Subscription,
    request: PauseRequest,
    kind: TimelineKind,
    *,
    at: datetime,
    **more: str,
) -> None:
    """Write the fact into the timeline under the name of who asked; `until` is when payments start again."""
    until = request.resume_at or request.due_at
    details: dict[str, Any] = {"pause": request.kind, **more}
    if until is not None and kind is not TimelineKind.RESUMED:
        details["until"] = until.isoformat()
    timeline.note(session, subscription, kind, key=str(request.id), at=at, by=request.by, **details)


def _resume_of(pause: PauseRequest) -> PauseRequest:
    return PauseRequest(
        merchant_id=pause.merchant_id,
        kind=PauseKind.RESUME,
        actor=pause.actor,
        actor_id=pause.actor_id,
        actor_name=pause.actor_name,
        channel=pause.channel,
        due_at=pause.resume_at,
    )
