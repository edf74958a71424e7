"""Whether Today's numbers are true at size: each one against a count by hand, and against the list that it leads to.

By hand: every subscription is read as it stands and counted here, with a calendar and exact numbers, by nothing that
the product counts with.  Then a thousand of them change under it, and everything is compared again: while the changes
wait to be counted in, and once they are; how it stood on the days before stays.  What differs is named, nothing may.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from bench import desk_data, people
from bench.measures import Measure
from bench.stack import NOWHERE, Stack
from portal.clock import utc_now
from portal.domain.desk import figures as rules
from portal.domain.desk.figures import Figure
from portal.domain.desk.list_filters import Days
from portal.domain.desk.subscription_filters import SubscriptionFilter
from portal.domain.ends.ended_by import EndedBy
from portal.domain.subscriptions import Status
from portal.models import Merchant
from portal.queries.desk import figures as stored
from portal.queries.desk import subscription_filters
from portal.queries.desk.subscription_filters import Whose
from portal.services import figures
from portal.services.context import Context

Numbers = dict[tuple[str, str, date], Decimal]

MANY, FEW = 100_000, 5_000
A_YEAR: Final = {"DAY": 365, "WEEK": 52, "MONTH": 12, "YEAR": 1}
ROWS: Final = """
    SELECT status, amount, currency, interval_unit, interval_count, last_payment_at, started_at, ended_at, ended_by,
        (SELECT array_agg(DISTINCT reason_code) FROM end_requests
         WHERE subscription_id = subscriptions.id AND state <> 'withdrawn' AND reason_code <> '')
    FROM subscriptions WHERE merchant_id = %s
"""
CHANGES: Final = (
    "UPDATE subscriptions SET status = 'cancelled', ended_at = now(), ended_by = 'staff' WHERE id IN"
    " (SELECT id FROM subscriptions WHERE status = 'active' ORDER BY id LIMIT 700)",
    "UPDATE subscriptions SET amount = amount * 2 WHERE id IN"
    " (SELECT id FROM subscriptions WHERE status = 'active' ORDER BY id DESC LIMIT 200)",
    "UPDATE subscriptions SET status = 'paused' WHERE id IN"
    " (SELECT id FROM subscriptions WHERE status = 'past_due' ORDER BY id LIMIT 100)",
)


def run(stack: Stack) -> list[Measure]:
    """Compare at every step; say how many numbers there were, how many were wrong, and how long counting took."""
    count = FEW if stack.small else MANY
    with stack.database() as url, stack.context(url, NOWHERE) as ctx, psycopg.connect(url) as connection:
        owner = people.staff(ctx.db)
        desk_data.fill(connection, owner.merchant_id, count)
        started = time.perf_counter()
        figures.keep(ctx, now=utc_now())
        seconds = time.perf_counter() - started
        seen = _Seen(ctx, connection, owner.merchant_id)
        seen.compare("counted anew")
        for change in CHANGES:
            connection.execute(change)
        connection.commit()
        seen.compare("changes waiting")
        figures.keep(ctx, now=utc_now())
        seen.compare("changes counted in")
    note = f"{count:,} subscriptions, {seen.compared} numbers compared"
    return [
        Measure("Today’s numbers that a count by hand denies", seen.wrong, None, "", note, "0"),
        Measure("Today’s numbers, all counted anew", seconds, None, "s", f"{count:,} subscriptions"),
    ]


class _Seen:
    """One merchant's book against its subscriptions, step by step."""

    def __init__(self, ctx: Context, connection: psycopg.Connection[Any], merchant_id: UUID) -> None:
        self._ctx, self._connection, self._merchant_id = ctx, connection, merchant_id
        self._past: Numbers = {}  # how it stood before today, as it was reckoned first
        self.compared = self.wrong = 0

    def compare(self, what: str) -> None:
        """Count by hand and by the lists; name what differs."""
        now = utc_now()
        with self._ctx.db.read() as session:
            zone = session.get_one(Merchant, self._merchant_id).time_zone
            today = rules.today(zone, now)
            first, last = rules.window(today)
            months = rules.month_ends(today)
            book = stored.read(session, self._merchant_id, since=first, until=last, days=months)
            whose = Whose(merchant_id=self._merchant_id, time_zone=zone, now=now)
            lists = {
                key: Decimal(subscription_filters.total(session, whose, wanted, most=None).number)
                for key, wanted in _filters(Days(first, last))
            }
        numbers = book.numbers if book is not None else {}
        told = {(str(figure), kind, day): number for (figure, kind, day), number in numbers.items()}
        by_hand = _by_hand(self._connection, self._merchant_id, ZoneInfo(zone), first, last, list(months[:-1]))
        past = {key: number for key, number in by_hand.items() if _stood(key, today)}
        self._past = self._past or past
        by_hand = {key: number for key, number in by_hand.items() if key not in past} | self._past
        wrong = [key for key in {*told, *by_hand} if told.get(key, 0) != by_hand.get(key, 0)]
        for key in wrong:
            print(f"{what}: {key}: Today {told.get(key)}, by hand {by_hand.get(key)}", file=sys.stderr)
        for which, number in lists.items():
            if number != (shown := _shown(told, which, today)):
                print(f"{what}: {which}: Today {shown}, its list {number}", file=sys.stderr)
                self.wrong += 1
        self.wrong += len(wrong)
        self.compared += len({*told, *by_hand}) + len(lists)


def _stood(key: tuple[str, str, date], today: date) -> bool:
    return key[0] in (Figure.STATE, Figure.REVENUE) and key[2] < today


def _by_hand(
    connection: psycopg.Connection[Any], merchant_id: UUID, zone: ZoneInfo, first: date, last: date, months: list[date]
) -> Numbers:
    found: defaultdict[tuple[str, str, date], Decimal] = defaultdict(Decimal)
    today = last
    with connection.cursor(name="by_hand") as rows:
        for row in rows.execute(ROWS, (merchant_id,)):
            status, amount, currency, unit, count, paid, started, ended, ended_by, reasons = row
            begun, over = _day(started, zone), _day(ended, zone)
            worth = _monthly(amount, unit, count) if paid is not None else Decimal(0)
            found["state", status, today] += 1
            if status in ("active", "past_due"):
                found["revenue", currency, today] += worth
            if begun is not None and first <= begun <= last:
                found["started", "", begun] += 1
            if over is not None and first <= over <= last:
                found["ended", ended_by, over] += 1
                for reason in reasons or ():
                    found["reason", reason, over] += 1
            if begun is not None and status != "pending":
                for day in months:
                    if begun <= day and (over is None or over > day):
                        found["state", "active", day] += 1
                        found["revenue", currency, day] += worth if status != "paused" else Decimal(0)
    connection.rollback()
    return {key: number for key, number in found.items() if number}


def _day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return at.astimezone(zone).date() if at is not None else None


def _monthly(amount: Decimal, unit: str, count: int) -> Decimal:
    return (amount * A_YEAR[unit] / (12 * count)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _filters(period: Days) -> Iterator[tuple[tuple[str, str, str], SubscriptionFilter]]:
    """Yield the lists that Today leads to, each by the number that it makes up."""
    for status in Status:
        yield ("state", status, "now"), SubscriptionFilter(states=(status,))
    yield ("started", "", "window"), SubscriptionFilter(started=period)
    for kind in EndedBy:
        yield ("ended", kind, "window"), SubscriptionFilter(ended_by=(kind,), ended=period)
    for reason in ("technical", "not_used", "too_expensive"):
        yield ("reason", reason, "window"), SubscriptionFilter(reasons=(reason,), ended=period)


def _shown(told: Numbers, key: tuple[str, str, str], today: date) -> Decimal:
    figure, kind, _when = key
    days = {day for one, _kind, day in told if one == figure} if figure != Figure.STATE else {today}
    return sum((told.get((figure, kind, day), Decimal(0)) for day in days), Decimal(0))
