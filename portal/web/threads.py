"""The thread: one subscription's life on one line, and beneath it the days of its marks, in words for everybody.

Solid before today, thick where it is paid, dotted for what comes; a tick is a payment, a ring is PayPal told, two bars
are the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from portal.domain.dates.end_dates import Schedule

if TYPE_CHECKING:
    from portal.models.held import AnySubscription

PERIODS: Final = 3  # of what was, so that a long life does not press what comes against the edge
LEAST: Final = timedelta(days=1)  # a shorter life is a point


@dataclass(frozen=True)
class Mark:
    """One mark on the line: `kind` is its class, `at` how far along it stands (« 45.8% »)."""

    kind: str
    at: str


@dataclass(frozen=True)
class Dated:
    """One day beneath the line: what it is (a word of thread.html), and the days that are said small beside it."""

    kind: str
    at: datetime
    also: tuple[datetime, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Thread:
    """The line, its ends as far along it as `Mark.at`; and its days, in their order."""

    today: str
    paid: tuple[str, str] | None
    is_over: bool  # today lies beyond the end: nothing is dotted
    marks: tuple[Mark, ...]
    dates: tuple[Dated, ...]

    @property
    def tells_next(self) -> bool:
        """Whether a payment that is still to come stands beneath it."""
        return any(one.kind == "due" for one in self.dates)


def of(
    subscription: AnySubscription,
    *,
    planned: Schedule | None = None,
    ends_at: datetime | None = None,
    what: str = "access",
    payments: Iterable[datetime] = (),
    now: datetime,
) -> Thread | None:
    """Return a subscription's thread; None for one that has not begun, or whose days are not known.

    `planned`: how its end waits; `ends_at`: of one that is over, or would be now, until when it opens something, else
    its end; `what`: which of these (`Dated.kind`); `payments`: when PayPal took some.
    """
    began, last, paid = subscription.started_at, subscription.last_payment_at, subscription.paid_until
    if began is None or (subscription.is_over and ends_at is None):
        return None
    end = planned.paid_until or planned.due_at if planned is not None else ends_at
    coming = planned.taken if planned is not None else () if end is not None else _next(subscription, now)
    told = planned.told_at(now) if planned is not None else None
    latest = planned.due_at if planned is not None else None
    if planned is not None:
        what = "paid-end" if planned.paid_until is not None else "end"
    period = paid - last if paid is not None and last is not None and paid > last else timedelta(days=30)
    left = max(began, now - PERIODS * period)
    ahead = (end, None if subscription.is_over else paid, latest, *coming)
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
        dates=tuple(_dates(last, paid, coming, (told, latest), Dated(what, end) if end is not None else None, now=now)),
    )


def of_end(
    subscription: AnySubscription, access_until: datetime | None, *, planned: Schedule | None, now: datetime
) -> Thread | None:
    """Return the thread of one that would end so; where nothing closes on a day, it ends with what is paid."""
    paid = subscription.paid_until
    if access_until is not None:
        return of(subscription, planned=planned, ends_at=access_until, now=now)
    is_paid = paid is not None and paid > now
    return of(
        subscription, planned=planned, ends_at=paid if is_paid else now, what="paid-end" if is_paid else "end", now=now
    )


def _dates(
    last: datetime | None,
    paid: datetime | None,
    coming: tuple[datetime, ...],
    told_at: tuple[datetime | None, datetime | None],
    end: Dated | None,
    *,
    now: datetime,
) -> Iterator[Dated]:
    """Yield the days that say what the line shows: of what was, only what nothing later says."""
    is_paid, coming = paid is not None and paid > now, tuple(at for at in coming if at > now)
    if last is not None and end is not None and not coming:
        yield Dated("last", last)
    if end is None and paid is not None and is_paid:
        yield Dated("paid", paid)
    elif end is None or end.at > now:
        yield Dated(
            "today", now, (paid,) if end is not None and paid is not None and is_paid and paid != end.at else ()
        )
    if coming:
        yield Dated("due", coming[0], coming[1:])
    told, latest = told_at
    if told is not None and latest is not None and told > now:
        yield Dated("told", told, (latest,) if latest > told else ())
    if end is not None:
        yield end


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
