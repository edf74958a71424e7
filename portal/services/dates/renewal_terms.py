"""From what is stored of a subscription and its plan to the terms of its renewals, in the merchant's days."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from portal.domain.law.renewals import Renewal, Renewing, upcoming
from portal.models.held import AnySubscription


def day_of(at: datetime, time_zone: str) -> date:
    """Return the merchant's day of a moment."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def start_of(subscription: AnySubscription, time_zone: str) -> date | None:
    """Return the day on which the first term began: as staff entered it, else the start; None where nobody knows."""
    if subscription.term_from is not None:
        return subscription.term_from
    return day_of(subscription.started_at, time_zone) if subscription.started_at is not None else None


def renewing_of(subscription: AnySubscription) -> Renewing | None:
    """Return term and notice of what renews itself; None of any other. The plan must be loaded."""
    return subscription.plan.renewing if subscription.plan is not None else None


def coming(subscription: AnySubscription, time_zone: str, *, now: datetime) -> Renewal | None:
    """Return the next renewal of one that runs; None of any other, and where nobody knows when it began."""
    terms, start = renewing_of(subscription), start_of(subscription, time_zone)
    if terms is None or start is None or subscription.is_over:
        return None
    return upcoming(start, terms, day_of(now, time_zone))
