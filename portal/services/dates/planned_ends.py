"""What is told of an end that waits: the day, the payments around it, and until when access lasts."""

from __future__ import annotations

from datetime import date, datetime

from portal.domain.access.access import End, Facts, Grant, Window, openings, windows
from portal.domain.dates.end_dates import Schedule
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.facts import PlannedFacts
from portal.models.ends.held_requests import AnyEndRequest
from portal.models.held import AnySubscription
from portal.services.dates.end_schedules import avoidable, contract_end, expectation, standing
from portal.services.proofs import Seller
from portal.services.rules import rule_of


def told_before(
    subscription: AnySubscription,
    planned: Schedule,
    merchant: Seller,
    *,
    actor: Actor,
    outcome: Status,
    wished_on: date | None,
    given: tuple[Grant, ...] = (),
    now: datetime,
) -> PlannedFacts:
    """Return what a plan means, before or after it is confirmed. Only the customer's own can still avoid a payment."""
    seen, _payment = expectation(subscription, outcome, planned=planned, given=given, now=now)
    own = actor is Actor.CUSTOMER
    spared = avoidable(subscription, actor, planned, merchant.time_zone, now=now) if own else None
    amount, currency = subscription.amount, subscription.currency
    return PlannedFacts(
        merchant_name=merchant.name,
        reason=planned.reason,
        ends_on=contract_end(planned, wished_on, merchant.time_zone),
        wished_on=wished_on,
        price=Money(amount, currency) if amount is not None and currency else None,
        taken=planned.taken,
        prevented_at=planned.prevented_at,
        runs_out_at=planned.runs_out_at,
        awaited_at=planned.awaited_at,
        earliest_at=planned.earliest_at,
        due_at=planned.due_at,
        avoidable_at=spared.payment_at if spared is not None else None,
        avoid_on=spared.day if spared is not None else None,
        access_until=seen.access_until or _closed_before(subscription, seen.after, given),
        is_access_unknown=seen.is_date_unknown,
        kept=tuple(dict.fromkeys(window.title for window in seen.stays if window.end is End.KEPT)),
        opens=openings(window for window in seen.stays if window.end is End.KEPT),
        now=now,
    )


def _closed_before(subscription: AnySubscription, after: Facts, given: tuple[Grant, ...]) -> datetime | None:
    """Return the last moment of access where all that is not kept has closed before the end, as in a pause."""
    closed = windows(after, rule_of(subscription), given)
    return max((window.until for window in closed if window.until is not None), default=None)


def told_of(
    request: AnyEndRequest,
    subscription: AnySubscription,
    merchant: Seller,
    *,
    given: tuple[Grant, ...] = (),
    now: datetime,
) -> PlannedFacts | None:
    """Return what a recorded end that waits means by PayPal's present dates; None of one that waits no more."""
    planned = standing(request, subscription, now=now)
    if planned is None:
        return None
    return told_before(
        subscription,
        planned,
        merchant,
        actor=request.actor,
        outcome=request.outcome,
        wished_on=request.wished_on,
        given=given,
        now=now,
    )


def windows_of(
    subscription: AnySubscription, request: AnyEndRequest | None, *, given: tuple[Grant, ...] = (), now: datetime
) -> tuple[Window, ...]:
    """Return when each content is open, for both faces: where an end waits, until when it will leave it open."""
    facts = subscription.facts
    waits = standing(request, subscription, now=now) if request is not None else None
    if request is not None and waits is not None:
        facts = expectation(subscription, request.outcome, planned=waits, given=given, now=now)[0].after
    return windows(facts, rule_of(subscription), given)
