"""Ask to end a subscription, or take it back: the intent, before PayPal hears of it (cancellation.md, rule 1)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal import queue
from portal.domain import policies
from portal.domain.access import EndPreview, Grant, Window, preview_end
from portal.domain.commitments import call_time, first_payment_not_owed
from portal.domain.end_requests import Channel, RequestState, can_withdraw, new_reference
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Actor, Role, Settings
from portal.domain.subscriptions import Action, Status, transition
from portal.models import EndRequest, Merchant, PayPalAccount, Subscription, TimelineKind
from portal.queries import end_requests, grants, subscriptions
from portal.services import notices, received_requests, timeline
from portal.services.context import Context
from portal.services.provider_facts import interval_of
from portal.services.rules import grants_of, rule_of

WORKER_HEAD_START = timedelta(seconds=10)  # the web tries first; the worker takes over what it left


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody asks for. `customer_id` narrows it to that customer's own subscriptions."""

    merchant_id: uuid.UUID
    subscription_id: uuid.UUID
    action: Action
    actor: Actor
    channel: Channel
    customer_id: uuid.UUID | None = None
    actor_id: uuid.UUID | None = None
    actor_name: str = ""
    role: Role | None = None
    reason_code: str = ""
    reason_text: str = ""
    provider_note: str = ""
    received_request_id: uuid.UUID | None = None  # that it answers, one that came by another way


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The request that now stands; `is_new` is False for a second click, which gets the first one's."""

    request_id: uuid.UUID
    reference: str
    is_new: bool
    is_due_now: bool


def settings_of(session: Session, merchant: Merchant, subscription: Subscription) -> Settings:
    """Return what decides whether a customer may cancel this subscription."""
    passed = session.scalar(select(PayPalAccount.id).where(PayPalAccount.merchant_id == merchant.id)) is not None
    return Settings(
        self_cancellation=merchant.self_cancellation,
        override=subscription.product.self_cancellation,
        key_passed_its_test=passed,
    )


def preview(subscription: Subscription, action: Action, *, now: datetime) -> EndPreview:
    """Return what the end would change: for the recap, by the function that the end itself uses.

    Raises IllegalTransition when the state does not allow the action.
    """
    outcome = transition(subscription.status, action)
    return preview_end(subscription.facts, rule_of(subscription.product), outcome, now)


def expectation(
    subscription: Subscription,
    outcome: Status,
    *,
    due: datetime | None,
    given: tuple[Grant, ...] = (),
    now: datetime,
) -> tuple[EndPreview, datetime | None]:
    """Return the effect on access, and the payment that will not be taken, for the recap and for the proof.

    An end that waits for the commitment leaves the payments owed until there: access follows the last of them.
    """
    facts, payment = subscription.facts, subscription.next_payment_at
    interval, committed = interval_of(subscription), subscription.committed_until
    if due is not None and payment is not None and interval is not None and committed is not None:
        payment = first_payment_not_owed(next_payment_at=payment, interval=interval, committed_until=committed)
        facts = replace(facts, paid_until=payment)
    return preview_end(facts, rule_of(subscription.product), outcome, due or now, given), payment


def due_at(subscription: Subscription, actor: Actor, *, now: datetime) -> datetime | None:
    """Return when PayPal is told, None for at once (cancellation.md, rule 10).

    Only a customer's own cancel waits for the commitment's end; the merchant may end it before.
    """
    interval = interval_of(subscription)
    committed, next_payment = subscription.committed_until, subscription.next_payment_at
    if actor is not Actor.CUSTOMER or not subscription.product.commitment_binds:
        return None
    if interval is None or committed is None or next_payment is None or committed <= now:
        return None
    due = call_time(next_payment_at=next_payment, interval=interval, committed_until=committed)
    return due if due is not None and due > now else None


def record(ctx: Context, wish: Wish, *, now: datetime) -> Recorded:
    """Write the request, its timeline entry, its mails and its job in one transaction.

    A subscription with an open request keeps that one; a customer's second click after the end gets
    the finished one.  Raises NoResultFound (not theirs), IllegalTransition, NotAllowed.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, wish.merchant_id, wish.subscription_id)
        if wish.customer_id is not None and subscription.customer_id != wish.customer_id:
            raise NoResultFound
        standing = _standing(session, subscription, wish)
        if standing is not None and wish.actor is Actor.STAFF and _waits(standing, now=now):
            _replace(session, subscription, standing, wish, now=now)
            standing = None
        if standing is not None:
            _answer(session, wish, standing, now=now)
            return Recorded(request_id=standing.id, reference=standing.reference, is_new=False, is_due_now=False)
        request = _write(ctx, session, subscription, wish, now=now)
        _answer(session, wish, request, now=now)
        return Recorded(
            request_id=request.id, reference=request.reference, is_new=True, is_due_now=request.due_at is None
        )


def withdraw(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, reference: str, *, now: datetime) -> None:
    """Take a request back while nothing was sent to PayPal; the row and its reason stay.

    Raises NoResultFound for a request that they did not make, NotAllowed(ALREADY_SENT) when it is too late.
    """
    with ctx.db.begin() as session:
        found = end_requests.of_customer(session, merchant_id, customer_id, reference)
        subscription = subscriptions.lock(session, merchant_id, found.subscription_id)
        request = end_requests.lock(session, found.id)
        if request.actor is not Actor.CUSTOMER:
            raise NoResultFound
        if not can_withdraw(request.state, sent_at=request.sent_at):
            raise NotAllowed(Denial.ALREADY_SENT)
        request.move(RequestState.WITHDRAWN)
        request.withdrawn_at = now
        request.next_try_at = None
        subscription.end_requested_at = None
        received_requests.reopen(session, request)
        notices.end_withdrawn(ctx, session, request, session.get_one(Merchant, merchant_id), now=now)
        timeline.note(
            session,
            subscription,
            TimelineKind.END_WITHDRAWN,
            key=str(request.id),
            at=now,
            actor=Actor.CUSTOMER,
            channel=Channel.PORTAL,
            reference=request.reference,
        )


def mark_abandoned(ctx: Context, wish: Wish, *, now: datetime) -> None:
    """Turn *cancelled* into *abandoned*: a local change, PayPal is not told (domain.md, Transitions).

    Raises NoResultFound, IllegalTransition (completed and abandoned never change again), NotAllowed.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, wish.merchant_id, wish.subscription_id)
        merchant = session.get_one(Merchant, wish.merchant_id)
        policies.check(wish.actor, Action.ABANDON, settings_of(session, merchant, subscription), role=wish.role)
        subscription.mark_abandoned()
        timeline.note(
            session,
            subscription,
            TimelineKind.MARKED_ABANDONED,
            key="abandoned",
            at=now,
            actor=wish.actor,
            actor_name=wish.actor_name,
            channel=wish.channel,
            note=wish.reason_text,
        )


def _answer(session: Session, wish: Wish, request: EndRequest, *, now: datetime) -> None:
    """Let the request stand for the one that came by another way, if the wish names one."""
    if wish.received_request_id is not None:
        received_requests.match(
            session, wish.merchant_id, wish.received_request_id, request, by=wish.actor_name, now=now
        )


def _standing(session: Session, subscription: Subscription, wish: Wish) -> EndRequest | None:
    """Return the request a new one would repeat, if there is one."""
    standing = end_requests.open_of(session, subscription.id)
    if standing is None and subscription.is_over and wish.actor is Actor.CUSTOMER:
        finished = end_requests.all_of_subscription(session, subscription.id)
        return next((row for row in finished if row.state is not RequestState.WITHDRAWN), None)
    return standing


def _waits(request: EndRequest, *, now: datetime) -> bool:
    """Say whether the request waits for a later day: nothing of it was sent, staff may end it at once instead."""
    return request.state is RequestState.RECORDED and request.due_at is not None and request.due_at > now


def _replace(session: Session, subscription: Subscription, request: EndRequest, wish: Wish, *, now: datetime) -> None:
    """Take a waiting request back because staff end the subscription now; its row and its reason stay."""
    request.move(RequestState.WITHDRAWN)
    request.withdrawn_at = now
    received_requests.reopen(session, request)
    timeline.note(
        session,
        subscription,
        TimelineKind.END_WITHDRAWN,
        key=str(request.id),
        at=now,
        actor=wish.actor,
        actor_name=wish.actor_name,
        channel=wish.channel,
        reference=request.reference,
    )


def _write(ctx: Context, session: Session, subscription: Subscription, wish: Wish, *, now: datetime) -> EndRequest:
    outcome = transition(subscription.status, wish.action)
    merchant = session.get_one(Merchant, wish.merchant_id)
    policies.check(wish.actor, wish.action, settings_of(session, merchant, subscription), role=wish.role)
    due = due_at(subscription, wish.actor, now=now)
    request = EndRequest(
        merchant_id=wish.merchant_id,
        subscription=subscription,
        reference=new_reference(),
        state=RequestState.RECORDED,
        outcome=outcome,
        actor=wish.actor,
        actor_id=wish.actor_id,
        actor_name=wish.actor_name,
        channel=wish.channel,
        reason_code=wish.reason_code,
        reason_text=wish.reason_text,
        provider_note=wish.provider_note,
        shown=_shown(session, subscription, outcome, due, now=now),
        due_at=due,
        created_at=now,
    )
    session.add(request)
    subscription.end_requested_at = now
    session.flush()
    timeline.note(
        session,
        subscription,
        TimelineKind.END_REQUESTED,
        key=str(request.id),
        at=now,
        actor=wish.actor,
        actor_name=wish.actor_name,
        channel=wish.channel,
        outcome=outcome,
        reference=request.reference,
        note=wish.reason_text,
    )
    notices.end_recorded(ctx, session, request, merchant, now=now)
    queue.defer(
        session,
        queue.CARRY_OUT_END,
        at=request.due_at or now + WORKER_HEAD_START,
        merchant_id=str(wish.merchant_id),
        request_id=str(request.id),
    )
    return request


def _shown(
    session: Session, subscription: Subscription, outcome: Status, due: datetime | None, *, now: datetime
) -> dict[str, Any]:
    """Return what the recap said, to be kept as proof (cancellation.md; law.md R-GD-5)."""
    by_hand = grants.of_customer(
        session, subscription.merchant_id, subscription.customer_id, product_id=subscription.product_id
    )
    given = grants_of(subscription.product, by_hand)
    seen, next_payment = expectation(subscription, outcome, due=due, given=given, now=now)
    return {
        "stops": [_window(window) for window in seen.stops],
        "stays": [_window(window) for window in seen.stays],
        "never": [window.title for window in seen.never],
        "next_payment_at": next_payment.isoformat() if next_payment else None,
        "amount": str(subscription.amount) if subscription.amount is not None else None,
        "currency": subscription.currency,
    }


def _window(window: Window) -> dict[str, Any]:
    return {"title": window.title, "end": window.end, "until": window.until.isoformat() if window.until else None}
