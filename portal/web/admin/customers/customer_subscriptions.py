"""What a customer pays for, as the record shows it: a card for each that lives, with its line of time and its ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from portal.domain.subscriptions import Action
from portal.queries.money.payments import NOT_TAKEN
from portal.services.dates.end_schedules import standing
from portal.web import payments as payment_lines
from portal.web import threads
from portal.web.admin.ends import end_facts
from portal.web.payments import PaymentLine
from portal.web.threads import Thread

if TYPE_CHECKING:
    import uuid

    from portal.models import EndRequest, Payment, Subscription


@dataclass(frozen=True, kw_only=True)
class Living:
    """One that is not over; `is_ending`: a request is under way that nothing may come between."""

    subscription: Subscription
    thread: Thread | None
    possible: list[Action]
    is_ending: bool


@dataclass(frozen=True, kw_only=True)
class Paid:
    """One payment with what it was for."""

    line: PaymentLine
    product: str
    may_go_back: bool


def living(
    held: Iterable[Subscription],
    requests: Iterable[EndRequest],
    waited_for: Collection[uuid.UUID],
    *,
    now: datetime,
) -> list[Living]:
    """Return those that are not over; `waited_for`: of which the customer has asked for the end by another way."""
    open_ones = {one.subscription_id: one for one in requests if one.is_open}
    return [_living(one, open_ones.get(one.id), one.id in waited_for, now=now) for one in held if not one.is_over]


def _living(subscription: Subscription, request: EndRequest | None, notified: bool, *, now: datetime) -> Living:
    is_ending = request is not None and end_facts.is_in_the_way(request, now)
    planned = standing(request, subscription, now=now) if request is not None else None
    return Living(
        subscription=subscription,
        thread=threads.of(subscription, planned=planned, now=now),
        possible=[] if is_ending else end_facts.possible(subscription, notified=notified, now=now),
        is_ending=is_ending,
    )


def paid(payments: Iterable[Payment], held: Iterable[Subscription]) -> list[Paid]:
    """Return payments with the names of what they were for."""
    names = {one.id: one.product.name for one in held}
    return [
        Paid(
            line=payment_lines.lines([one])[0],
            product=names.get(one.subscription_id, ""),
            may_go_back=one.left > 0 and one.state not in NOT_TAKEN,
        )
        for one in payments
    ]
