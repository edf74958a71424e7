"""The SELECTs behind the figures of the desk's home, and the statements that count.

What a page reads is as much for a million subscriptions as for a thousand: days that are counted, and the few changes
that wait to be counted in (docs/decisions/0052).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, Subquery, TextClause, bindparam, func, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import Date, String

from portal.domain.desk.figures import RUNNING, STANDING, Figure
from portal.models import EndRequest, FigureBook, FigureChange, ImportRun, Merchant, Subscription
from portal.queries.desk.subscription_filters import confirmed

MOST_TIMED: Final = 500  # confirmations whose time, and whose words, are looked at
MOST_SAID: Final = 5
STAND: Final = ", ".join(f"'{one}'" for one in sorted(STANDING))
STATUSES: Final = ", ".join(f"'{one}'" for one in RUNNING)


@dataclass(frozen=True)
class Book:
    """What is counted by `time_zone`; `day` is the last day that it has opened, `begun_on` the first one it saw."""

    time_zone: str
    day: date
    begun_on: date
    numbers: dict[tuple[Figure, str, date], Decimal]
    later: dict[tuple[Figure, str], Decimal]  # of days to come: who is stopped, and paid until then


def read(session: Session, merchant_id: uuid.UUID, *, since: date, until: date, days: Collection[date]) -> Book | None:
    """Return the numbers of what happened from a day until a day and will later, of how it stood on `days` and stands.

    In one statement, so that nothing is counted twice or not at all; None before anything was counted.
    """
    which = {"merchant_id": merchant_id, "since": since, "until": until, "days": list(days)}
    rows = session.execute(_read(), which).all()
    if not rows:
        return None
    first, numbers, later = rows[0], {}, {}
    for row in rows:
        if row.figure in STANDING or (row.figure is not None and row.day <= until):
            numbers[Figure(row.figure), row.kind, row.day] = row.number
        elif row.figure is not None:
            later[Figure(row.figure), row.kind] = row.number
    return Book(first.time_zone, first.book_day, first.begun_on, numbers, later)


@cache
def _read() -> TextClause:
    return text(f"""
        WITH book AS (SELECT * FROM figure_books WHERE merchant_id = :merchant_id),
        counted AS (
            SELECT figure, kind, least(day, CAST(:until AS date) + 1) AS day, number FROM daily_figures
            WHERE merchant_id = :merchant_id AND figure NOT IN ({STAND}) AND day >= :since
            UNION ALL
            SELECT figure, kind, day, number FROM daily_figures
            WHERE merchant_id = :merchant_id AND figure IN ({STAND})
                AND (day = ANY(:days) OR day = (SELECT day FROM book))
            UNION ALL
            SELECT figure, kind,
                CASE WHEN figure IN ({STAND}) THEN book.day
                    ELSE least((at AT TIME ZONE book.time_zone)::date, CAST(:until AS date) + 1) END,
                figure_changes.number
            FROM figure_changes, book WHERE figure_changes.merchant_id = :merchant_id
        ),
        summed AS (
            SELECT figure, kind, day, sum(number) AS number FROM counted
            WHERE figure IN ({STAND}) OR day >= :since
            GROUP BY figure, kind, day HAVING sum(number) <> 0
        )
        SELECT book.time_zone, book.day AS book_day, book.begun_on, summed.*
        FROM book LEFT JOIN summed ON true
    """).bindparams(bindparam("days", type_=ARRAY(Date())))  # noqa: S608 - words of our own


@dataclass(frozen=True)
class Wait:
    """From asking to PayPal's confirmation, over the last `number` ends that customers asked for; seconds."""

    number: int
    median: float
    slowest: float
    slowest_id: uuid.UUID  # of the subscription


@dataclass(frozen=True)
class Comment:
    """What a customer wrote with a reason."""

    reason: str
    text: str
    at: datetime
    subscription_id: uuid.UUID


def comments(session: Session, merchant_id: uuid.UUID, *, since: datetime) -> list[Comment]:
    """Return the newest words of customers about why they ended, of the last 500 ends since a moment."""
    rows = session.execute(_comments(), {"merchant_id": merchant_id, "since": since})
    return [Comment(*row) for row in rows]


@cache
def _comments() -> Select[*tuple[Any, ...]]:
    newest = _newest(EndRequest.reason_code, EndRequest.reason_text, EndRequest.confirmed_at)
    rows = select(newest.c.reason_code, newest.c.reason_text, newest.c.confirmed_at, newest.c.subscription_id)
    return rows.where(newest.c.reason_text != "").order_by(newest.c.confirmed_at.desc()).limit(MOST_SAID)


def _newest(*columns: Any) -> Subquery:
    """Return the newest ends that customers asked for: as many as are looked at, whatever their number is."""
    return (
        select(*columns, EndRequest.subscription_id)
        .where(*confirmed(bindparam("merchant_id")), EndRequest.confirmed_at >= bindparam("since"))
        .order_by(EndRequest.confirmed_at.desc())
        .limit(MOST_TIMED)
        .subquery()
    )


def waits(session: Session, merchant_id: uuid.UUID, *, since: datetime) -> Wait | None:
    """Return how long customers waited for PayPal's confirmation since a moment: of the last 500; None without any."""
    row = session.execute(_waits(), {"merchant_id": merchant_id, "since": since}).one()
    return Wait(row.number, row.median, row.slowest, row.slowest_id) if row.number else None


@cache
def _waits() -> Select[*tuple[Any, ...]]:
    """An end that was planned is waited for from the day on which PayPal was to be told."""
    asked = func.greatest(EndRequest.created_at, func.coalesce(EndRequest.due_at, EndRequest.created_at))
    seconds = func.greatest(func.extract("epoch", EndRequest.confirmed_at - asked), 0)
    newest = _newest(seconds.label("seconds"))
    slowest = select(newest.c.subscription_id).order_by(newest.c.seconds.desc(), newest.c.subscription_id).limit(1)
    return select(
        func.count().label("number"),
        func.percentile_cont(0.5).within_group(newest.c.seconds).label("median"),
        func.max(newest.c.seconds).label("slowest"),
        slowest.scalar_subquery().label("slowest_id"),
    ).select_from(newest)


# Counting


def to_count(session: Session, *, after: uuid.UUID | None, limit: int) -> Sequence[Any]:
    """Return merchants whose book is missing, of another zone or day, older than an import, or has changes to take."""
    here = func.date(func.timezone(Merchant.time_zone, func.now()))
    changed = select(FigureChange.id).where(FigureChange.merchant_id == Merchant.id).exists()
    imported = ImportRun.merchant_id == Merchant.id, ImportRun.finished_at > FigureBook.counted_at
    is_old = or_(
        FigureBook.time_zone != Merchant.time_zone,
        FigureBook.day < here,
        select(ImportRun.id).where(*imported).exists(),
    )
    statement = (
        select(Merchant.id)
        .outerjoin(FigureBook, FigureBook.merchant_id == Merchant.id)
        .where(Merchant.closed_at.is_(None), or_(FigureBook.merchant_id.is_(None), is_old, changed))
        .order_by(Merchant.id)
        .limit(limit)
    )
    return session.execute(statement.where(Merchant.id > after) if after is not None else statement).all()


def to_verify(session: Session, *, after: uuid.UUID | None, limit: int) -> Sequence[Any]:
    """Return every merchant that has a book, and is not about to be erased."""
    kept = select(FigureBook.merchant_id.label("id")).join(Merchant, Merchant.id == FigureBook.merchant_id)
    statement = kept.where(Merchant.closed_at.is_(None)).order_by(FigureBook.merchant_id).limit(limit)
    return session.execute(statement.where(FigureBook.merchant_id > after) if after is not None else statement).all()


def zone_and_day(session: Session, merchant_id: uuid.UUID) -> tuple[str, date]:
    """Return the merchant's zone, and which day it is there."""
    here = func.date(func.timezone(Merchant.time_zone, func.now()))
    row = session.execute(select(Merchant.time_zone, here).where(Merchant.id == merchant_id)).one()
    return row[0], row[1]


def lock_book(session: Session, merchant_id: uuid.UUID) -> FigureBook | None:
    """Return the merchant's book, locked until the transaction ends; None when there is none."""
    whole = select(FigureBook).where(FigureBook.merchant_id == merchant_id).with_for_update(key_share=True)
    return session.scalars(whole).one_or_none()


def see_one_moment(session: Session) -> None:
    """Let every statement of the transaction that begins here see the rows of this moment."""
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


OPEN_DAYS: Final = text(f"""
    INSERT INTO daily_figures (merchant_id, figure, day, kind, number)
    SELECT merchant_id, figure, following::date, kind, number
    FROM daily_figures, generate_series(CAST(:day AS date) + 1, CAST(:today AS date), interval '1 day') AS following
    WHERE merchant_id = :merchant_id AND figure IN ({STAND}) AND day = :day AND number <> 0
    ON CONFLICT DO NOTHING
""")  # noqa: S608
# A change of what stands is one of its day and of every day since that is open.
COUNT_IN: Final = text(f"""
    WITH taken AS (
        DELETE FROM figure_changes WHERE id IN (
            SELECT id FROM figure_changes WHERE merchant_id = :merchant_id ORDER BY id LIMIT :most
        ) RETURNING figure, kind, (at AT TIME ZONE :zone)::date AS day, number
    ),
    by_day AS (
        SELECT figure, kind, day, number FROM taken WHERE figure NOT IN ({STAND})
        UNION ALL
        SELECT figure, kind, since::date, number
        FROM taken, generate_series(least(day, CAST(:day AS date)), CAST(:day AS date), interval '1 day') AS since
        WHERE figure IN ({STAND})
    ),
    added AS (
        INSERT INTO daily_figures (merchant_id, figure, day, kind, number)
        SELECT :merchant_id, figure, day, kind, sum(number) FROM by_day WHERE day >= :oldest
        GROUP BY figure, day, kind HAVING sum(number) <> 0
        ON CONFLICT (merchant_id, figure, day, kind) DO UPDATE SET number = daily_figures.number + excluded.number
    )
    SELECT count(*) FROM taken
""").bindparams(bindparam("merchant_id", type_=Subscription.id.type), bindparam("zone", type_=String()))  # noqa: S608
COUNTS: Final = f"""
    counts AS (
        SELECT figure, kind, CASE WHEN figure IN ({STAND}) THEN CAST(:today AS date)
            ELSE (at AT TIME ZONE CAST(:zone AS text))::date END AS day, sum(one.number) AS number
        FROM subscriptions, LATERAL figures_of(status, amount, currency, interval_unit, interval_count, last_payment_at,
            started_at, ended_at, ended_by) AS one
        WHERE merchant_id = :merchant_id
        GROUP BY 1, 2, 3
        UNION ALL
        SELECT 'reason', reason_code, (ended_at AT TIME ZONE CAST(:zone AS text))::date,
            count(DISTINCT subscriptions.id)
        FROM subscriptions JOIN end_requests ON subscription_id = subscriptions.id
        WHERE subscriptions.merchant_id = :merchant_id AND ended_at IS NOT NULL AND reason_code <> ''
            AND state <> 'withdrawn'
        GROUP BY 2, 3
    )
"""  # noqa: S608
COUNT_ANEW: Final = text(f"""
    WITH {COUNTS}
    INSERT INTO daily_figures (merchant_id, figure, day, kind, number)
    SELECT :merchant_id, figure, day, kind, number FROM counts
    WHERE day >= :oldest AND number <> 0
""").bindparams(bindparam("merchant_id", type_=Subscription.id.type))  # noqa: S608
LOCAL: Final = "AT TIME ZONE CAST(:zone AS text))::date"


def _reckoned(*, came: str = "", among: str = "", over: str = f"(ended_at {LOCAL}", there: str) -> TextClause:
    """Return what writes how it stood from `:oldest` until the day before `:begun_on`, though nobody counted then.

    From when each subscription `among` those of the merchant began until it was `over`, at the price known now.
    """
    return text(f"""
    WITH lives AS (
        SELECT (started_at {LOCAL} AS begun, {over} AS over, currency,
            CASE WHEN last_payment_at IS NOT NULL AND status <> 'paused'
                THEN figure_monthly(amount, interval_unit, interval_count) END AS worth
        FROM subscriptions {came}
        WHERE subscriptions.merchant_id = :merchant_id AND started_at IS NOT NULL AND status <> 'pending' {among}
    ),
    steps AS (
        SELECT 'state' AS figure, 'active' AS kind, greatest(begun, :oldest) AS day, 1::numeric AS number FROM lives
        UNION ALL SELECT 'state', 'active', greatest(over, :oldest), -1 FROM lives WHERE over IS NOT NULL
        UNION ALL SELECT 'revenue', currency, greatest(begun, :oldest), worth FROM lives
        WHERE worth <> 0 AND currency <> ''
        UNION ALL SELECT 'revenue', currency, greatest(over, :oldest), -worth FROM lives
        WHERE over IS NOT NULL AND worth <> 0 AND currency <> ''
    ),
    daily AS (SELECT figure, kind, day, sum(number) AS number FROM steps GROUP BY figure, kind, day),
    kinds AS (SELECT DISTINCT figure, kind FROM daily),
    standing AS (
        SELECT kinds.figure, kinds.kind, each.day::date AS day,
            sum(coalesce(daily.number, 0)) OVER (PARTITION BY kinds.figure, kinds.kind ORDER BY each.day) AS number
        FROM kinds CROSS JOIN
            generate_series(CAST(:oldest AS date), CAST(:begun_on AS date) - 1, interval '1 day') AS each(day)
        LEFT JOIN daily ON daily.figure = kinds.figure AND daily.kind = kinds.kind AND daily.day = each.day::date
    )
    INSERT INTO daily_figures (merchant_id, figure, day, kind, number)
    SELECT :merchant_id, figure, day, kind, number FROM standing WHERE number <> 0
    ON CONFLICT {there}
    """).bindparams(  # noqa: S608
        bindparam("merchant_id", type_=Subscription.id.type),
        bindparam("oldest", type_=Date()),
    )


RECKON_BACK: Final = _reckoned(there="DO NOTHING")
# What an import has brought since `:since` is added to the days before it came, which were counted without it.
ADD_PAST: Final = _reckoned(
    came="""JOIN timeline_entries AS came ON came.subscription_id = subscriptions.id AND came.kind = 'imported'
        AND came.key = 'imported' AND came.at >= :since""",
    among=f"AND (started_at {LOCAL} < (came.at {LOCAL}",
    over=f"least((ended_at {LOCAL}, (came.at {LOCAL})",
    there="(merchant_id, figure, day, kind) DO UPDATE SET number = daily_figures.number + excluded.number",
)


def imported_since(
    session: Session, merchant_id: uuid.UUID, *, counted_at: datetime
) -> tuple[datetime, datetime] | None:
    """Return when the first import began that has ended since then, and when the last of them ended; None without any.

    What they brought has a past.
    """
    mine = ImportRun.merchant_id == merchant_id, ImportRun.finished_at > counted_at
    span = select(func.min(ImportRun.created_at), func.max(ImportRun.finished_at)).where(*mine)
    first, last = session.execute(span).one()
    return (first, last) if first is not None and last is not None else None
