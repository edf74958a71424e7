"""Ends that wait for a day: when PayPal is told, what is still paid until then, and following PayPal's dates.

A customer's own end waits for a binding commitment, a notice period or a date of their choice; staff's only for a
date that they choose.  Without such a reason PayPal is told at once (cancellation.md, rule 10).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.access import EndPreview, Grant, preview_end
from portal.domain.end_dates import Schedule, WaitReason, latest, schedule
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EndRequest, Subscription
from portal.services.paid_time import interval_of
from portal.services.rules import rule_of

log = structlog.get_logger(__name__)


def beginning_of(day: date, time_zone: str) -> datetime:
    """Return the day's first moment in the merchant's zone: payments before a wished day are owed, others are not."""
    return datetime.combine(day, clock_time.min, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def plan(
    subscription: Subscription, actor: Actor, *, wished_at: datetime | None = None, now: datetime
) -> Schedule | None:
    """Return how the end waits, None for at once: no reason, no payment owed any more, or dates that nobody knows.

    Where PayPal's next payment or rhythm is unknown no day can be promised, and only « at once » is safe.
    The product must be loaded.
    """
    reasons: dict[WaitReason, datetime | None] = {WaitReason.WISH: wished_at}
    if actor is Actor.CUSTOMER:
        product = subscription.product
        reasons |= {
            WaitReason.COMMITMENT: subscription.committed_until if product.commitment_binds else None,
            WaitReason.NOTICE: now + timedelta(days=product.notice_days) if product.notice_days else None,
        }
    found = latest(reasons, now=now)
    interval, payment = interval_of(subscription), subscription.next_payment_at
    if found is None or interval is None or payment is None:
        return None
    reason, owed_until = found
    planned = schedule(reason, owed_until, next_payment_at=payment, interval=interval)
    return planned if planned is not None and planned.due_at > now else None


def expectation(
    subscription: Subscription,
    outcome: Status,
    *,
    planned: Schedule | None,
    given: tuple[Grant, ...] = (),
    now: datetime,
) -> tuple[EndPreview, datetime | None]:
    """Return the effect on access, and the payment that will not be taken, for the recap and for the proof.

    An end that waits leaves the payments owed until there: access follows the last of them.
    """
    facts, payment, at = subscription.facts, subscription.next_payment_at, now
    if planned is not None:
        facts, payment, at = replace(facts, paid_until=planned.prevented_at), planned.prevented_at, planned.due_at
    return preview_end(facts, rule_of(subscription.product), outcome, at, given), payment


def payments_around(
    request: EndRequest, subscription: Subscription, *, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return the last payment that a planned end leaves and the first that it prevents, by PayPal's present dates.

    None is unknown.  Of a request that waits no more, they are those that the recap showed.
    """
    if not request.is_planned(now) or request.owed_until is None or request.wait_reason is None:
        return _shown(request, "last_payment_at"), _shown(request, "next_payment_at")
    interval, payment = interval_of(subscription), subscription.next_payment_at
    if interval is None or payment is None:
        return None, None
    planned = schedule(request.wait_reason, request.owed_until, next_payment_at=payment, interval=interval)
    if planned is None:
        return subscription.last_payment_at, payment  # no more is owed
    return planned.last_payment_at, planned.prevented_at


def _shown(request: EndRequest, name: str) -> datetime | None:
    text = request.shown.get(name)
    return datetime.fromisoformat(text) if text else None


def follow(
    session: Session, subscription: Subscription, request: EndRequest | None, *, now: datetime
) -> datetime | None:
    """Keep a planned end between the last payment owed and the next one after PayPal's dates have moved.

    The promised day stands as long as it lies there: until it the customer may change their mind.
    Returns the moment that did not stand, None when nothing moved.
    """
    if request is None or not request.is_planned(now) or request.owed_until is None or request.wait_reason is None:
        return None
    interval, payment, former = interval_of(subscription), subscription.next_payment_at, request.due_at
    if interval is None or payment is None:
        return None
    assert former is not None  # noqa: S101 - it is planned
    planned = schedule(request.wait_reason, request.owed_until, next_payment_at=payment, interval=interval)
    stands = former < payment if planned is None else planned.last_payment_at < former < planned.prevented_at
    if stands:
        return None
    request.due_at = max(planned.due_at, now) if planned is not None else now
    log.info("planned_end_moved", request_id=str(request.id), due_at=request.due_at.isoformat())
    queue.defer(
        session,
        queue.CARRY_OUT_END,
        at=request.due_at,
        merchant_id=str(request.merchant_id),
        request_id=str(request.id),
    )
    return former
