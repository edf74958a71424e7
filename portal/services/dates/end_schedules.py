"""Ends that wait for a day: when PayPal is told, what is still paid until then, and following PayPal's dates.

A customer's own end waits for a binding commitment, a notice period or a date of their choice; staff's only for a
date that they choose.  Without such a reason PayPal is told at once (cancellation.md, rule 10).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from portal.domain.access.access import EndPreview, Grant, preview_end
from portal.domain.dates.billing import payments_from
from portal.domain.dates.end_dates import (
    Schedule,
    WaitReason,
    first_avoidable,
    is_completed,
    latest,
    schedule,
    without_payments,
)
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EndRequest, Subscription
from portal.models.ends.held_requests import AnyEndRequest
from portal.models.held import AnySubscription
from portal.services import tries
from portal.services.dates import renewal_terms
from portal.services.dates.paid_time import interval_of, money_of, terms_of
from portal.services.rules import rule_of

log = structlog.get_logger(__name__)


def beginning_of(day: date, time_zone: str) -> datetime:
    """Return the day's first moment in the merchant's zone: payments before a wished day are owed, others are not."""
    return datetime.combine(day, clock_time.min, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def plan(
    subscription: AnySubscription,
    actor: Actor,
    *,
    time_zone: str,
    wished_at: datetime | None = None,
    asked_at: datetime | None = None,
    now: datetime,
) -> Schedule | None:
    """Return how the end waits, None for at once: no reason, nothing to wait for, or dates that nobody knows.

    Where PayPal's next payment or rhythm is unknown no day can be promised, and only « at once » is safe.  While
    PayPal takes no payment (a pause, or a late payment) the same reasons bind.  A customer whose renewal was not told
    in time is bound by none (law.md R-FR-23).  `asked_at`: when the declaration was made that is carried out now; the
    delay is ours, and no notice is longer for it (R-FR-13).  Product and plan must be loaded.
    """
    reasons: dict[WaitReason, datetime | None] = {WaitReason.WISH: wished_at}
    if actor is Actor.CUSTOMER and not is_free(subscription, now=now):
        reasons |= {
            WaitReason.COMMITMENT: subscription.committed_until if subscription.product.commitment_binds else None,
            WaitReason.NOTICE: _notice_until(subscription, time_zone, asked_at=asked_at or now),
        }
    found = latest(reasons, now=now)
    planned = _planned(subscription, *found, is_wished=wished_at is not None) if found is not None else None
    return planned if planned is not None and planned.due_at > now else None


def _notice_until(subscription: AnySubscription, time_zone: str, *, asked_at: datetime) -> datetime | None:
    """Return until when notice binds an end that was asked for then; None without a notice period.

    A renewal refused by the last day that its reminder names is refused: the next term is not owed (R-FR-21).
    """
    days = subscription.product.notice_days
    if not days:
        return None
    until, one = asked_at + timedelta(days=days), renewal_terms.coming(subscription, time_zone, now=asked_at)
    if one is not None and renewal_terms.day_of(asked_at, time_zone) <= one.deadline_on:
        return min(until, beginning_of(one.renews_on, time_zone))
    return until


def is_free(subscription: AnySubscription, *, now: datetime) -> bool:
    """Say whether a renewal that was not told in time lets the customer end at once, free of charge (R-FR-23)."""
    return subscription.free_from is not None and subscription.free_from <= now


def _planned(
    subscription: AnySubscription, reason: WaitReason, owed_until: datetime, *, is_wished: bool
) -> Schedule | None:
    interval, payment = interval_of(subscription), subscription.next_payment_at
    if subscription.takes_no_payment or (subscription.status is Status.PAST_DUE and payment is None):
        return without_payments(reason, owed_until)
    if interval is None or payment is None:
        return None
    finite = subscription.plan.total_cycles if subscription.plan is not None else 0
    to_come = payments_from(
        replace(terms_of(subscription), cycles=finite),
        payment,
        payments=money_of(subscription).all_that_came,
        is_retry=subscription.status is Status.PAST_DUE,
    )
    return schedule(reason, owed_until, to_come, is_wished=is_wished)


def expectation(
    subscription: AnySubscription,
    outcome: Status,
    *,
    planned: Schedule | None,
    given: tuple[Grant, ...] = (),
    now: datetime,
) -> tuple[EndPreview, datetime | None]:
    """Return the effect on access, and the payment that will not be taken, for the recap and for the proof.

    An end that waits leaves the payments owed until there: access follows the last of them, not the wished day.
    """
    facts, payment, at = subscription.facts, subscription.next_payment_at, now
    if planned is not None:
        payment, at = planned.prevented_at, planned.earliest_at
        if planned.taken:
            facts = facts._replace(paid_until=planned.paid_until)
    return preview_end(facts, rule_of(subscription), outcome, at, given), payment


@dataclass(frozen=True)
class Avoidable:
    """A payment that a planned end still leaves, and the last whole day on which asking for the end avoids it.

    None: today.
    """

    payment_at: datetime
    day: date | None


def avoidable(
    subscription: AnySubscription, actor: Actor, planned: Schedule, time_zone: str, *, now: datetime
) -> Avoidable | None:
    """Return the next payment that an earlier day would avoid; None where all that are left are owed anyway."""
    at = first_avoidable(planned, plan(subscription, actor, time_zone=time_zone, now=now))
    if at is None or at <= now:
        return None
    day = _last_day_to_avoid(subscription, actor, at, time_zone, now=now)
    return Avoidable(at, day if day > renewal_terms.day_of(now, time_zone) else None)


def _last_day_to_avoid(
    subscription: AnySubscription, actor: Actor, payment_at: datetime, time_zone: str, *, now: datetime
) -> date:
    """Return the last day that is whole before the notice would reach the payment: it moves along with the asking."""
    is_bound = actor is Actor.CUSTOMER and not is_free(subscription, now=now)
    notice = timedelta(days=subscription.product.notice_days if is_bound else 0)
    day = renewal_terms.day_of(payment_at - notice, time_zone) - timedelta(days=1)
    one = renewal_terms.coming(subscription, time_zone, now=now) if notice else None
    if one is not None and payment_at >= beginning_of(one.renews_on, time_zone):
        return max(day, one.deadline_on)
    return day


def standing(request: AnyEndRequest, subscription: AnySubscription, *, now: datetime) -> Schedule | None:
    """Return the plan of an end that waits, by PayPal's present dates; None of one that waits no more.

    The day on which PayPal is told is the one that was promised.
    """
    waits = request.planned(now)
    if waits is None:
        return None
    found = _planned(subscription, waits.reason, waits.owed_until, is_wished=True)
    found = found or without_payments(waits.reason, waits.owed_until)
    return replace(found, due_at=waits.due_at, awaited_at=waits.awaited_at)


def contract_end(planned: Schedule, wished_on: date | None, time_zone: str) -> date:
    """Return the day on which the contract ends for whoever asked: neither PayPal's day nor that of access.

    A finite plan ends on its own last day, whatever was wished.
    """
    zone, owed_until = ZoneInfo(time_zone), planned.owed_until
    if planned.runs_out_at is not None and planned.runs_out_at < owed_until:
        owed_until = planned.runs_out_at
    elif planned.reason is WaitReason.WISH and wished_on is not None:
        return wished_on
    return (owed_until - timedelta(microseconds=1)).astimezone(zone).date()


@dataclass(frozen=True)
class Around:
    """The last payment that a planned end leaves and the first that it prevents; None is unknown.

    A finite plan may run out by itself before there is one to prevent.
    """

    last: datetime | None
    prevented: datetime | None
    runs_out: datetime | None = None


def payments_around(request: EndRequest, subscription: Subscription, *, now: datetime) -> Around:
    """Return the payments around a planned end, by PayPal's present dates.

    Of a request that waits no more, they are those that the recap showed.
    """
    planned = standing(request, subscription, now=now)
    if planned is None:
        return Around(_shown(request, "last_payment_at"), _shown(request, "next_payment_at"))
    last = planned.last_payment_at or subscription.last_payment_at
    return Around(last, planned.prevented_at, planned.runs_out_at)


def _shown(request: EndRequest, name: str) -> datetime | None:
    text = request.shown.get(name)
    return datetime.fromisoformat(text) if text else None


def follow(session: Session, subscription: Subscription, request: EndRequest, *, now: datetime) -> datetime | None:
    """Keep a planned end between the last payment owed and the next one after PayPal's dates have moved.

    The promised moment stands as long as it is safe, and comes sooner once the awaited payment was seen completed,
    as was promised too.  Returns the moment that did not stand, None when nobody has to be told of another day.
    """
    waits, payment = request.planned(now), subscription.next_payment_at
    if waits is None or payment is None:
        return None
    planned = _planned(subscription, waits.reason, waits.owed_until, is_wished=True)
    if planned is None:
        return None
    if not planned.keeps(waits.due_at):
        _put_off(session, request, planned.due_at, awaited_at=planned.awaited_at, now=now)
        return waits.due_at
    if waits.awaited_at is None:
        return None
    request.awaited_at = awaited_at = planned.last_payment_at or waits.awaited_at
    if is_completed(awaited_at, money_of(subscription).came_at, named=payment):
        _put_off(session, request, min(waits.owed_until, waits.due_at), awaited_at=None, now=now)
    return None


def _put_off(
    session: Session, request: EndRequest, due_at: datetime, *, awaited_at: datetime | None, now: datetime
) -> None:
    """Write another moment for telling PayPal, with its job."""
    request.due_at, request.awaited_at = max(due_at, now), awaited_at
    log.info("planned_end_moved", request_id=str(request.id), due_at=request.due_at.isoformat())
    tries.plan(session, request, at=request.due_at)
