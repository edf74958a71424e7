"""What a subscription looks like here, and how it would look after PayPal's answer: the difference, in plain facts.

Nothing is decided here: the same functions as the one door's are tried on a copy that is thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from portal.domain.subscriptions import Status
from portal.models import Provider, Subscription
from portal.providers.ports import Reading
from portal.services.dates.paid_time import status_of
from portal.services.dates.provider_facts import is_over, is_stale, take_over

Facts = Mapping["Fact", Any]  # as they are stored: texts, numbers, None


class Fact(StrEnum):
    """What is compared and reported."""

    STATUS = "status"
    PROVIDER_STATUS = "provider_status"
    NEXT_PAYMENT = "next_payment_at"
    PAID_UNTIL = "paid_until"
    PRICE = "price"
    FAILED_PAYMENTS = "failed_payments"
    LAST_PAYMENT = "last_payment_at"
    PLAN = "plan"


# Taken over with the rest, but nothing anybody would look for in a report.
_UNREPORTED: Final = (
    "provider_status_at",
    "failure_threshold",
    "started_at",
    "committed_until",
    "interval_unit",
    "interval_count",
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How a subscription stands here and at PayPal: only the facts that differ, none when only `quiet` ones do."""

    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def has_other_plan(self) -> bool:
        """Whether PayPal shows another plan: it has to be known before it can be followed."""
        return Fact.PLAN in self.after

    @property
    def is_quiet(self) -> bool:
        """Whether nothing that is reported differs."""
        return not self.after


def facts_of(subscription: Subscription) -> Facts:
    """Return what is reported of a subscription; its plan must be loaded."""
    amount, currency = subscription.amount, subscription.currency
    return {
        Fact.STATUS: subscription.status.value,
        Fact.PROVIDER_STATUS: subscription.provider_status,
        Fact.NEXT_PAYMENT: _moment(subscription.next_payment_at),
        Fact.PAID_UNTIL: _moment(subscription.paid_until),
        Fact.PRICE: {"amount": _amount(amount), "currency": currency} if amount is not None and currency else None,
        Fact.FAILED_PAYMENTS: subscription.failed_payments,
        Fact.LAST_PAYMENT: _moment(subscription.last_payment_at),
        Fact.PLAN: subscription.plan.provider_id if subscription.plan is not None else None,
    }


def difference(copy: Subscription, reading: Reading, *, now: datetime) -> Difference | None:
    """Say what PayPal's answer would change, None when nothing.

    `copy` is a detached subscription with product and plan loaded; it is changed, and good for nothing afterwards.
    """
    before, quiet = facts_of(copy), _quiet(copy)
    status = _status_after(copy, reading, now=now)
    after = {**facts_of(copy), Fact.STATUS: status.value, Fact.PLAN: _plan_after(copy, reading)}
    found = {fact: value for fact, value in after.items() if value != before[fact]}
    if not found and quiet == _quiet(copy):
        return None
    return Difference(
        before={fact.value: before[fact] for fact in found}, after={fact.value: value for fact, value in found.items()}
    )


def facts_of_reading(reading: Reading) -> dict[str, Any]:
    """Return what PayPal shows of a subscription that is unknown here."""
    seen = status_of(reading)
    facts = {
        Fact.STATUS: seen.value if seen is not None else None,
        Fact.PROVIDER_STATUS: reading.status,
        Fact.NEXT_PAYMENT: _moment(reading.next_billing_at),
        Fact.LAST_PAYMENT: _moment(reading.last_payment_at),
        Fact.PLAN: reading.plan_id,
    }
    return {fact.value: value for fact, value in facts.items() if value is not None}


def _status_after(copy: Subscription, reading: Reading, *, now: datetime) -> Status:
    """Take the answer over into the copy as `endings.record_reading` does; return the state it leads to."""
    stale, was_over = is_stale(copy, reading), copy.is_over
    seen = status_of(reading)
    if was_over and not is_over(reading):  # nothing is taken over; live at PayPal it is ended there (again)
        live = seen is not None and seen is not Status.PENDING and not stale
        return seen if live and seen is not None else copy.status
    take_over(copy, reading, now=now)
    seen = status_of(reading, copy)
    if is_over(reading):
        return copy.status if was_over or seen is None else seen
    if seen is not None and not stale:
        copy.follow(seen, at=now)
    return copy.status


def _plan_after(copy: Subscription, reading: Reading) -> str | None:
    """Return PayPal's plan; classic profiles have none of their own, and an ended subscription keeps its own."""
    stored = copy.plan.provider_id if copy.plan is not None else None
    follows = copy.provider is Provider.PAYPAL_REST and not copy.is_over
    return (reading.plan_id or stored) if follows else stored


def _quiet(subscription: Subscription) -> tuple[Any, ...]:
    stopped = subscription.stopped_at_provider_at is not None
    return (*(getattr(subscription, name) for name in _UNREPORTED), stopped)


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _amount(amount: Decimal) -> str:
    """Return the amount without the zeros that the column adds: "29.9"; the page gives it its currency's decimals."""
    return format(amount.normalize(), "f")
