"""Ask to pause or to resume a subscription, change the day, or take it back: the intent, before PayPal hears of it.

The same rules as for an end: the request, its entry and its job are written in one transaction; a second click
gets the first one's request.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain import policies
from portal.domain.access.access import PausePreview, preview_pause
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.pauses import (
    PauseKind,
    PauseRefusal,
    PauseState,
    can_withdraw,
    earliest_resume,
    latest_resume,
)
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action, Status, can_resume, transition
from portal.models import Grant, PauseRequest, Subscription, TimelineKind
from portal.models.ends.held_requests import AnyPause
from portal.models.held import AnySubscription
from portal.queries import subscriptions
from portal.queries.ends import carrying, end_requests, pauses
from portal.queries.people import merchants
from portal.services import tries
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.notices import pause_notices
from portal.services.pauses import pause_outcomes
from portal.services.rules import grants_of, rule_of, settings_of

ACTIONS: Final = {PauseKind.PAUSE: Action.PAUSE, PauseKind.RESUME: Action.RESUME}
ASKED: Final = {PauseKind.PAUSE: TimelineKind.PAUSE_REQUESTED, PauseKind.RESUME: TimelineKind.RESUME_REQUESTED}
STAFF_LONGEST_DAYS: Final = 365


@dataclass(frozen=True, kw_only=True)
class PauseWish:
    """What somebody asks for. `resume_at` is the day chosen; of a resume, None is at once."""

    merchant_id: uuid.UUID
    subscription_id: uuid.UUID
    kind: PauseKind
    actor: Actor
    channel: Channel
    customer_id: uuid.UUID | None = None
    actor_id: uuid.UUID | None = None
    actor_name: str = ""
    role: Role | None = None
    resume_at: datetime | None = None
    provider_note: str = ""

    @property
    def by(self) -> By:
        """Who asks, and through which door."""
        return By(actor=self.actor, actor_id=self.actor_id, channel=self.channel, name=self.actor_name)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The request that now stands; `is_new` is False for a second click, which gets the first one's."""

    request_id: uuid.UUID
    is_new: bool
    is_due_now: bool


@dataclass(frozen=True, kw_only=True)
class Days:
    """Between which days payments may start again; both count."""

    first: datetime
    last: datetime

    def dates(self, zone: str) -> tuple[date, date]:
        """Return both as dates of the zone that they were reckoned in."""
        return self.first.astimezone(ZoneInfo(zone)).date(), self.last.astimezone(ZoneInfo(zone)).date()


def check_state(subscription: AnySubscription, kind: PauseKind, history: Sequence[AnyPause]) -> None:
    """Raise IllegalTransition or NotAllowed where PayPal would refuse: pages ask this before they show a button.

    `history` is every request of the subscription, newest first.
    """
    transition(subscription.status, ACTIONS[kind])
    if kind is PauseKind.PAUSE:
        return
    threshold = subscription.failure_threshold
    possible = can_resume(
        subscription.status, failed_payments=subscription.failed_payments, failure_threshold=threshold
    )
    if not possible or _was_refused(subscription, history):
        raise NotAllowed(Denial.PAYPAL_FORBIDS_RESUME)


def preview(subscription: Subscription, grants: tuple[Grant, ...] = (), *, now: datetime) -> PausePreview:
    """Return what a pause from now on would leave open."""
    product = subscription.product
    return preview_pause(subscription.facts, rule_of(subscription), now, grants_of(product, grants))


def days(subscription: Subscription, history: list[PauseRequest], actor: Actor, *, zone: str, now: datetime) -> Days:
    """Return the days that may be chosen; a customer's longest pause counts from the day it began."""
    began = now
    if subscription.status is Status.PAUSED:
        began = next((row.done_at for row in history if row.kind is PauseKind.PAUSE and row.done_at), now)
    longest = subscription.product.pause_longest_days if actor is Actor.CUSTOMER else STAFF_LONGEST_DAYS
    first = earliest_resume(now, zone=zone)
    counted_from = began if actor is Actor.CUSTOMER else now
    return Days(first=first, last=max(first, latest_resume(counted_from, longest_days=longest, zone=zone)))


def record(ctx: Context, wish: PauseWish, *, now: datetime) -> Asked:
    """Write the request, its entry and its job. A resume that only waits for its day gives way to a new one.

    Raises NoResultFound (not theirs), IllegalTransition, NotAllowed.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, wish.merchant_id, wish.subscription_id)
        if wish.customer_id is not None and subscription.customer_id != wish.customer_id:
            raise NoResultFound
        standing = next((row for row in pauses.lock_open(session, subscription.id) if row.kind is wish.kind), None)
        if standing is not None and not standing.waits(now):
            return Asked(request_id=standing.id, is_new=False, is_due_now=False)
        _check(session, subscription, wish, now=now)
        if standing is not None:
            if standing.due_at == wish.resume_at:
                return Asked(request_id=standing.id, is_new=False, is_due_now=False)
            pause_outcomes.withdraw(session, subscription, standing, now=now)
            _note_withdrawal(session, subscription, standing, wish, now=now, is_replaced=True)
        request = _row(wish)
        start = None if request.due_at is not None else now + tries.HEAD_START
        pause_outcomes.write(session, subscription, request, now=now, head_start=start)
        pause_outcomes.note(session, subscription, request, ASKED[wish.kind], at=now)
        return Asked(request_id=request.id, is_new=True, is_due_now=request.due_at is None)


def withdraw(ctx: Context, request_id: uuid.UUID, wish: PauseWish, *, now: datetime) -> None:
    """Take a request back while nothing was sent to PayPal; `wish` says who does it.

    A customer takes back their own, and no planned resume: without its day the pause would have no end.
    Raises NoResultFound, and NotAllowed(ALREADY_SENT) when it is too late.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, wish.merchant_id, wish.subscription_id)
        if wish.customer_id is not None and subscription.customer_id != wish.customer_id:
            raise NoResultFound
        request = carrying.lock(session, PauseRequest, request_id)
        if request.subscription_id != subscription.id:
            raise NoResultFound
        if request.state is PauseState.WITHDRAWN:
            return  # a second click
        if not may_withdraw(request, wish.actor):
            raise NotAllowed(Denial.ALREADY_SENT)
        pause_outcomes.withdraw(session, subscription, request, now=now)
        _note_withdrawal(session, subscription, request, wish, now=now)
        if wish.actor is Actor.STAFF:
            pause_notices.taken_back(ctx, session, request, now=now)


def may_withdraw(request: AnyPause, actor: Actor) -> bool:
    """Say whether that person may take it back now."""
    own = actor is Actor.STAFF or (request.actor is Actor.CUSTOMER and request.kind is PauseKind.PAUSE)
    return own and can_withdraw(request.state, sent_at=request.sent_at)


def _check(session: Session, subscription: Subscription, wish: PauseWish, *, now: datetime) -> None:
    merchant = merchants.of(session, wish.merchant_id)
    if end_requests.open_of(session, subscription.id) is not None:
        raise NotAllowed(Denial.END_UNDER_WAY)
    history = pauses.all_of_subscription(session, subscription.id)
    check_state(subscription, wish.kind, history)
    settings = settings_of(merchant, subscription, now=now)
    policies.check(wish.actor, ACTIONS[wish.kind], settings, role=wish.role)
    own = subscription.customer.time_zone if wish.actor is Actor.CUSTOMER else None  # the day is theirs where they are
    offered = days(subscription, history, wish.actor, zone=own or merchant.time_zone, now=now)
    if wish.resume_at is None:
        # A customer's pause has an end: nobody is to be forgotten in one.
        if wish.actor is Actor.CUSTOMER and wish.kind is PauseKind.PAUSE:
            raise NotAllowed(Denial.RESUME_DAY)
    elif not offered.first <= wish.resume_at <= offered.last:
        raise NotAllowed(Denial.RESUME_DAY)


def _was_refused(subscription: AnySubscription, history: Sequence[AnyPause]) -> bool:
    """Say whether PayPal has said « cannot be activated » since the subscription came into its present state there."""
    last = next((row for row in history if row.kind is PauseKind.RESUME), None)
    if last is None or last.refused_for is not PauseRefusal.THRESHOLD or last.refused_at is None:
        return False
    changed = subscription.provider_status_at
    return changed is None or changed <= last.refused_at


def _row(wish: PauseWish) -> PauseRequest:
    is_pause = wish.kind is PauseKind.PAUSE
    return PauseRequest(
        merchant_id=wish.merchant_id,
        kind=wish.kind,
        actor=wish.actor,
        actor_id=wish.actor_id,
        actor_name=wish.actor_name,
        channel=wish.channel,
        provider_note=wish.provider_note,
        resume_at=wish.resume_at if is_pause else None,
        due_at=None if is_pause else wish.resume_at,
    )


def _note_withdrawal(
    session: Session,
    subscription: Subscription,
    request: PauseRequest,
    wish: PauseWish,
    *,
    now: datetime,
    is_replaced: bool = False,
) -> None:
    timeline.note(
        session,
        subscription,
        TimelineKind.PAUSE_WITHDRAWN,
        key=str(request.id),
        at=now,
        by=wish.by,
        pause=request.kind,
        **({"is_replaced": True} if is_replaced else {}),
    )
