"""The thread: one subscription's life on one line. Marks alone, for the eye; the page says the same in words.

Solid before today, thick where it is paid, dotted for what comes; a tick is a payment, a ring is PayPal told, two bars
are the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from portal.domain.end_dates import Schedule

if TYPE_CHECKING:
    from portal.models.held import AnySubscription

PERIODS: Final = 3  # of what was, so that a long life does not press what comes against the edge
LEAST: Final = timedelta(days=1)  # a shorter life is a point


@dataclass(frozen=True)
class Mark:
    """One mark on the line: `kind` is its class, `at` how far along it stands (« 45.8% »)."""

    kind: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Thread:
    """The line, its ends as far along it as `Mark.at`."""

    today: str
    paid: tuple[str, str] | None
    is_over: bool  # today lies beyond the end: nothing is dotted
    marks: tuple[Mark, ...]


def of(
    subscription: AnySubscription,
    *,
    planned: Schedule | None = None,
    ends_at: datetime | None = None,
    payments: Iterable[datetime] = (),
    now: datetime,
) -> Thread | None:
    """Return a subscription's thread; None for one that has not begun, or whose days are not known.

    `planned`: how its end waits; `ends_at`: of one that is over, or would be now, until when it opens something, else
    its end; `payments`: when PayPal took some.
    """
    began, last, paid = subscription.started_at, subscription.last_payment_at, subscription.paid_until
    if began is None or (subscription.is_over and ends_at is None):
        return None
    end = planned.paid_until or planned.due_at if planned is not None else ends_at
    coming = planned.taken if planned is not None else () if end is not None else _next(subscription, now)
    told = planned.due_at if planned is not None else None
    period = paid - last if paid is not None and last is not None and paid > last else timedelta(days=30)
    left = max(began, now - PERIODS * period)
    ahead = (end, None if subscription.is_over else paid, told, *coming)
    right = max([now, *(at for at in ahead if at is not None)])
    if right - left < LEAST:
        return None
    line = _Line(left, right)
    taken = {at for at in (*payments, *([last] if last else [])) if left <= at <= now}
    marks = [Mark("tick", line.at(at)) for at in sorted(taken)]
    marks += [Mark("due", line.at(at)) for at in coming if at > now]
    marks += [Mark("told", line.at(told))] if told is not None and told > now else []
    marks += [Mark("end", line.at(end))] if end is not None and end >= left else []
    is_paid = paid is not None and last is not None and paid > left and paid > last
    return Thread(
        today=line.at(now),
        paid=(line.at(max(last, left)), line.at(min(paid, right))) if is_paid and last and paid else None,
        is_over=right == now,
        marks=tuple(marks),
    )


def of_end(
    subscription: AnySubscription, access_until: datetime | None, *, planned: Schedule | None, now: datetime
) -> Thread | None:
    """Return the thread of one that would end so; where nothing closes on a day, it ends with what is paid."""
    paid = subscription.paid_until
    ends_at = access_until or (max(paid, now) if paid is not None else now)
    return of(subscription, planned=planned, ends_at=ends_at, now=now)


def _next(subscription: AnySubscription, now: datetime) -> tuple[datetime, ...]:
    at = subscription.next_payment_at
    return (at,) if at is not None and at > now and not subscription.is_over else ()


class _Line:
    """From a moment to another; says how far along a third lies."""

    def __init__(self, left: datetime, right: datetime) -> None:
        self._left, self._length = left, right - left

    def at(self, moment: datetime) -> str:
        share = min(max((moment - self._left) / self._length, 0), 1)
        return f"{100 * share:.1f}%"
