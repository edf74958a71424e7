"""Ask to end a subscription: the intent, before PayPal hears of it (cancellation.md, rule 1)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.access.access import EndPreview, Grant, Window
from portal.domain.dates.end_dates import Schedule
from portal.domain.ends.end_requests import Cause, RequestState, new_reference
from portal.domain.errors import DomainError
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status, transition
from portal.models import EndRequest, ReceivedRequest, Subscription, TimelineKind
from portal.queries import subscriptions, surroundings
from portal.queries.access import grants
from portal.queries.ends import end_requests
from portal.queries.ends import received_requests as stored_received
from portal.queries.money import refunds
from portal.queries.people import merchants
from portal.queries.surroundings import Part
from portal.services import comebacks, tries
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.dates.end_schedules import beginning_of, expectation, plan
from portal.services.ends import end_refunds, end_wishes
from portal.services.ends.end_wishes import Wish
from portal.services.ends.end_withdrawals import take_back
from portal.services.inbox import notifications, received_answers
from portal.services.notices import end_confirmations, notices
from portal.services.pauses import pause_outcomes
from portal.services.rules import grants_of


class OverAlready(DomainError):
    """It is over already: what the team may still change is our own word alone (`mark_abandoned`)."""


class AnotherPlan(DomainError):
    """The page showed an end on a day of its own, and it would come at once by now; or the other way round."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The request that now stands; `is_new` is False for a second click, which gets the first one's.

    `noted`: the reference under which a customer's wish is kept beside an end that staff had planned, "" without one.
    """

    request_id: uuid.UUID
    reference: str
    is_new: bool
    is_due_now: bool
    noted: str = ""


def preview(
    subscription: Subscription, action: Action, given: tuple[Grant, ...], *, planned: Schedule | None, now: datetime
) -> EndPreview:
    """Return what the end would change: for the recap, by the function that the end itself uses.

    `given`: by hand, of the product: that stays.  Raises IllegalTransition when the state does not allow the action.
    """
    outcome = transition(subscription.status, action)
    return expectation(subscription, outcome, planned=planned, given=given, now=now)[0]


Also = Callable[[Session, Recorded], None]  # what belongs to the request and must commit with it


def record(ctx: Context, wish: Wish, *, now: datetime, also: Also | None = None) -> Recorded:
    """Write the request, its timeline entry, its mails and its job in one transaction.

    A subscription with an open request keeps that one; a customer's second click after the end gets
    the finished one.  `also` runs last in the transaction; what it raises undoes all of it.
    Whoever asks may have looked before the lock: what the state allows is decided here.
    Raises NoResultFound (not theirs), IllegalTransition, NotAllowed, CannotRefund (nothing is written then), and
    OverAlready where only `mark_abandoned` is left.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, wish.merchant_id, wish.subscription_id)
        if wish.customer_id is not None and subscription.customer_id != wish.customer_id:
            raise NoResultFound
        recorded = record_held(ctx, session, subscription, wish, now=now)
        if also is not None:
            also(session, recorded)
        return recorded


def record_held(ctx: Context, session: Session, subscription: Subscription, wish: Wish, *, now: datetime) -> Recorded:
    """As `record`, in the transaction that holds the subscription's lock."""
    check_not_over(subscription, wish)
    notified = stored_received.hold(session, subscription, also=wish.received_request_id)
    planned = _plan(session, subscription, wish, now=now)
    standing, letters = _standing(session, subscription, wish), []
    if standing is not None and _gives_way(standing, wish, planned, now=now):
        letters = _replace(ctx, session, subscription, standing, wish, now=now)
        notified = stored_received.lock_open(session, subscription.id)  # what it had answered is open again
        standing = None
    if standing is not None:
        end_refunds.check_taken_along(refunds.with_end(session, standing.id), wish)
        _answer(ctx, session, wish, standing, now=now)
        noted = _stand_behind(ctx, session, subscription, standing, wish, now=now)
        return Recorded(
            request_id=standing.id, reference=standing.reference, is_new=False, is_due_now=False, noted=noted
        )
    if wish.showed_planned not in (None, planned is not None):
        raise AnotherPlan
    # the new end answers what the replaced one answered
    answered = [*([wish.received_request_id] if wish.received_request_id else []), *letters]
    request = _write(ctx, session, subscription, wish, planned, notified=notified, answered=answered, now=now)
    end_refunds.decide(session, subscription, request, wish, now=now)
    return Recorded(request_id=request.id, reference=request.reference, is_new=True, is_due_now=request.due_at is None)


def check_not_over(subscription: Subscription, wish: Wish) -> None:
    """Raise what refuses staff an end that has come already; the lock is held.

    IllegalTransition for what the state no longer knows; OverAlready where a change of our own word is left;
    CannotRefund where that was to give something back.
    """
    if subscription.is_over and wish.actor is Actor.STAFF:
        transition(subscription.status, wish.action)
        end_refunds.check_taken_along(None, wish)
        raise OverAlready


def mark_abandoned(ctx: Context, wish: Wish, *, now: datetime, also: Callable[[Session], None] | None = None) -> None:
    """Turn *cancelled* into *abandoned*: a local change, PayPal is not told (domain.md, Transitions).

    `also` runs last in the transaction.
    Raises NoResultFound, IllegalTransition (completed and abandoned never change again), NotAllowed.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, wish.merchant_id, wish.subscription_id)
        end_wishes.check(session, wish, subscription, now=now)
        subscription.mark_abandoned()
        again = end_requests.open_of(session, subscription.id)
        if again is not None:  # PayPal showed it live and it is being ended there again: that end is *abandoned* too
            end_requests.lock(session, again.id).outcome = subscription.status
        comebacks.close_open(session, subscription, now=now)
        end_confirmations.nobody_invited(ctx, session, wish.merchant_id, subscription.customer_id, now=now)
        timeline.note(
            session,
            subscription,
            TimelineKind.MARKED_ABANDONED,
            key="abandoned",
            at=now,
            by=wish.by,
            note=wish.reason_text,
        )
        if also is not None:
            also(session)


def _answer(ctx: Context, session: Session, wish: Wish, request: EndRequest, *, now: datetime) -> None:
    """Let the request stand for the one that came by another way, if the wish names one."""
    if wish.received_request_id is not None:
        received_answers.match(
            ctx, session, wish.merchant_id, wish.received_request_id, request, by=wish.actor_name, now=now
        )


def _stand_behind(
    ctx: Context, session: Session, subscription: Subscription, standing: EndRequest, wish: Wish, *, now: datetime
) -> str:
    """Keep a customer's wish beside the plan of staff that comes no later than it; return its reference, else ""."""
    planned_by_staff = standing.actor is Actor.STAFF and standing.is_planned(now)
    if wish.actor is not Actor.CUSTOMER or wish.customer_id is None or not planned_by_staff:
        return ""
    notification = notifications.Notification(
        merchant_id=wish.merchant_id,
        customer_id=wish.customer_id,
        subscription_id=subscription.id,
        wished_on=wish.wished_on,
        message=wish.reason_text,
        by=wish.by,
    )
    noted = notifications.stand_behind(ctx, session, subscription, standing, notification, now=now)
    return noted.reference


def _standing(session: Session, subscription: Subscription, wish: Wish) -> EndRequest | None:
    """Return the request a new one would repeat, if there is one."""
    lacks = surroundings.lacks(session, subscription.id, Part.END)
    standing = None if lacks else end_requests.open_of(session, subscription.id)
    if standing is None and subscription.is_over and wish.actor is Actor.CUSTOMER:
        finished = end_requests.all_of_subscription(session, subscription.id)
        return next((row for row in finished if row.state is not RequestState.WITHDRAWN), None)
    return standing


def _plan(session: Session, subscription: Subscription, wish: Wish, *, now: datetime) -> Schedule | None:
    """Return how the end would wait, None for at once."""
    if wish.cause is Cause.WITHDRAWN:
        return None
    zone, asked_at = merchants.of(session, wish.merchant_id).time_zone, None
    if wish.received_request_id is not None:
        asked_at = stored_received.of_merchant(session, wish.merchant_id, wish.received_request_id).received_at
    wished_at = beginning_of(wish.wished_on, zone) if wish.wished_on is not None else None
    return plan(subscription, wish.actor, time_zone=zone, wished_at=wished_at, asked_at=asked_at, now=now)


def _gives_way(standing: EndRequest, wish: Wish, planned: Schedule | None, *, now: datetime) -> bool:
    """Say whether a planned end makes room for another one.

    One that a customer asked for only gives way to staff who end at once: a plan of theirs could be taken back, and
    the customer would be forgotten.  A customer stops before the day that staff planned, and before their own where
    they have declared so by another way since: that is no second click.
    """
    if not standing.is_planned(now):
        return False
    if wish.cause is Cause.WITHDRAWN:
        return True
    if wish.actor is Actor.STAFF:
        return planned is None or standing.actor is not Actor.CUSTOMER
    sooner = planned is None or (standing.due_at is not None and planned.due_at < standing.due_at)
    is_anew = standing.actor is not Actor.CUSTOMER or wish.received_request_id is not None
    return wish.actor is Actor.CUSTOMER and is_anew and sooner


def _replace(
    ctx: Context, session: Session, subscription: Subscription, request: EndRequest, wish: Wish, *, now: datetime
) -> list[uuid.UUID]:
    """Take a planned request back because another end takes its place; its row and its reason stay.

    Returns the requests by letter that it had answered.
    """
    letters = take_back(session, subscription, request, by=wish.by, now=now, is_replaced=True)
    notices.end_replaced(ctx, session, request, now=now)
    return letters


def _write(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    wish: Wish,
    planned: Schedule | None,
    *,
    notified: Sequence[ReceivedRequest],
    answered: Sequence[uuid.UUID],
    now: datetime,
) -> EndRequest:
    outcome = transition(subscription.status, wish.action)
    end_wishes.check(session, wish, subscription, is_answer=bool(notified or answered), now=now)
    request = EndRequest(
        merchant_id=wish.merchant_id,
        subscription=subscription,
        reference=new_reference(),
        state=RequestState.RECORDED,
        outcome=outcome,
        cause=wish.cause,
        actor=wish.actor,
        actor_id=wish.actor_id,
        actor_name=wish.actor_name,
        channel=wish.channel,
        reason_code=wish.reason_code,
        reason_text=wish.reason_text,
        provider_note=wish.provider_note,
        shown=_shown(session, subscription, outcome, planned, now=now),
        wished_on=wish.wished_on,
        due_at=planned.due_at if planned is not None else None,
        awaited_at=planned.awaited_at if planned is not None else None,
        owed_until=planned.owed_until if planned is not None else None,
        wait_reason=planned.reason if planned is not None else None,
        created_at=now,
    )
    session.add(request)
    subscription.end_requested_at = now
    session.flush()
    pause_outcomes.withdraw_all(session, subscription, request, now=now)  # an end outranks a pause
    received_answers.settle(ctx, session, notified, request, now=now)
    for one in answered:
        received_answers.match(ctx, session, wish.merchant_id, one, request, by=wish.actor_name, now=now)
    timeline.note(
        session,
        subscription,
        TimelineKind.END_REQUESTED,
        key=str(request.id),
        at=now,
        by=wish.by,
        outcome=outcome,
        **request.names,
        **({"cause": wish.cause.value} if wish.cause is not None else {}),
        **({"reason_code": wish.reason_code} if wish.reason_code else {}),
        note=wish.reason_text,
    )
    tries.plan(session, request, at=request.due_at or now + tries.HEAD_START)
    notices.end_recorded(ctx, session, request, now=now)
    return request


def _shown(
    session: Session, subscription: Subscription, outcome: Status, planned: Schedule | None, *, now: datetime
) -> dict[str, Any]:
    """Return what the recap said, to be kept as proof (cancellation.md; law.md R-GD-5)."""
    given = grants_of(subscription.product, grants.of_subscription(session, subscription))
    seen, next_payment = expectation(subscription, outcome, planned=planned, given=given, now=now)
    last = planned.last_payment_at if planned is not None else None
    return {
        "stops": [_window(window, now) for window in seen.stops],
        "stays": [_window(window, now) for window in seen.stays],
        "never": [window.title for window in seen.never],
        "next_payment_at": next_payment.isoformat() if next_payment else None,
        "amount": str(subscription.amount) if subscription.amount is not None else None,
        "currency": subscription.currency,
        "payments_left": planned.payments if planned is not None else 0,
        "last_payment_at": last.isoformat() if last is not None else None,
    }


def _window(window: Window, now: datetime) -> dict[str, Any]:
    """Return one content as the recap named it: with its opening where that was still to come."""
    return {
        "title": window.title,
        "end": window.end,
        "until": window.until.isoformat() if window.until else None,
        **({"since": window.since.isoformat()} if window.since > now else {}),
    }
