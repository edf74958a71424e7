"""What a subscription opens, and what an end would leave of it: for the page of all accesses, and whoever asks for it.

Nothing is computed here that the recap and the proof do not read: windows by `access.windows`, the end that is
expected by `end_schedules.expectation` (the recap), and what it leaves by `rules.access_left` (the proof).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal.domain.access.access import Rule, Window
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models.ends.held_requests import AnyEndRequest
from portal.models.held import AnyGrant, AnySubscription
from portal.services.dates.end_schedules import expectation, plan, standing
from portal.services.dates.planned_ends import windows_of
from portal.services.rules import AccessLeft, access_left, grants_of, rule_of


class Ending(StrEnum):
    """Which end is told of."""

    HAS_COME = "has_come"
    PLANNED = "planned"
    IF_CANCELLED = "if_cancelled"  # now, by the customer
    NONE = "none"  # nothing was opened yet that could be left


class Why(StrEnum):
    """Why so much stays, and no more."""

    KEPT = "kept"  # the product leaves what is open
    AT_ONCE = "at_once"  # it closes with the end
    PAID = "paid"  # the end of what is paid
    NOTHING = "nothing"  # no more is known


@dataclass(frozen=True, kw_only=True)
class Access:
    """One subscription's access: when each content is open, and what stays after which end."""

    windows: tuple[Window, ...]
    ending: Ending
    left: AccessLeft
    why: Why
    is_kept_to_the_end: bool  # all of it stays once the last payment of a finite plan is made


def of_subscription(
    subscription: AnySubscription,
    request: AnyEndRequest | None,
    grants: Iterable[AnyGrant] = (),
    *,
    time_zone: str,
    now: datetime,
) -> Access:
    """Return what a subscription opens and what stays of it; its product's contents must be loaded."""
    held = tuple(grants)
    given, rule = grants_of(subscription.product, held), rule_of(subscription)
    ending, planned = Ending.IF_CANCELLED, None
    if subscription.is_over:
        ending = Ending.HAS_COME
    elif request is not None and (planned := standing(request, subscription, now=now)) is not None:
        ending = Ending.PLANNED
    elif subscription.status is Status.PENDING:
        ending = Ending.NONE
    else:
        planned = plan(subscription, Actor.CUSTOMER, time_zone=time_zone, now=now)
    outcome = request.outcome if ending is Ending.PLANNED and request is not None else Status.CANCELLED
    facts = subscription.facts
    if not subscription.is_over:
        facts = expectation(subscription, outcome, planned=planned, given=given, now=now)[0].after
    left = access_left(subscription, held, facts=facts)
    is_finite = subscription.plan is not None and subscription.plan.total_cycles > 0
    return Access(
        windows=windows_of(subscription, request, given=given, now=now),
        ending=ending,
        left=left,
        why=_why(rule, left, facts.status),
        is_kept_to_the_end=is_finite and rule.keep_after_completion and not subscription.is_over,
    )


def _why(rule: Rule, left: AccessLeft, outcome: Status) -> Why:
    completed = outcome is Status.COMPLETED
    if left.kept and (rule.keep_after_completion if completed else rule.keep_after_cancellation):
        return Why.KEPT
    if rule.stops_at_once and not completed:
        return Why.AT_ONCE
    return Why.PAID if left.until is not None else Why.NOTHING
