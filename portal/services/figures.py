"""Keep each merchant's figures by day: take in what has changed, open each new day, count everything anew at night.

All of it may run twice, late, or beside whatever changes subscriptions meanwhile (docs/decisions/0052).
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, Final

import structlog
from sqlalchemy import delete, or_
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.domain.desk.figures import STANDING
from portal.domain.law.retention import OPERATOR, Stock
from portal.logs import place_of
from portal.models import DailyFigure, FigureBook, FigureChange
from portal.queries.desk import figures as stored
from portal.services.batches import BATCH, Find, Unfinished
from portal.services.context import Context

log = structlog.get_logger("portal.figures")

KEPT: Final = OPERATOR[Stock.FIGURES]
AT_ONCE: Final = 20_000  # changes of one transaction


def keep(ctx: Context, *, now: datetime) -> None:
    """Bring the book of every merchant up to date that lags behind. Raises Unfinished when one failed."""
    _each(ctx, stored.to_count, now=now, whole=False)


def verify(ctx: Context, *, now: datetime) -> None:
    """Count everything anew, and forget days that are too old. Raises Unfinished when one merchant's failed."""
    _each(ctx, stored.to_verify, now=now, whole=True)


def _each(ctx: Context, find: Find[Any], *, now: datetime, whole: bool) -> None:
    last, failed = None, 0
    while True:
        with ctx.db.read() as session:
            found = find(session, after=last, limit=BATCH)
        for row in found:
            try:
                bring_up(ctx, row.id, now=now, whole=whole)
            except Exception as error:
                failed += 1
                log.error("figures_failed", merchant_id=str(row.id), error=type(error).__name__, place=place_of(error))
        if len(found) < BATCH:
            break
        last = found[-1].id
    if failed:
        raise Unfinished(f"{failed} merchants")


def bring_up(ctx: Context, merchant_id: uuid.UUID, *, now: datetime, whole: bool = False) -> None:
    """Count in what waits; count all anew (`whole`) where there is no book yet, or one by another zone's days."""
    while not whole:
        with ctx.db.begin() as session:
            left = _take_in(session, merchant_id)
        if left is None:
            break
        if left < AT_ONCE:
            return
    _count_anew(ctx, merchant_id, now=now)


def _take_in(session: Session, merchant_id: uuid.UUID) -> int | None:
    """Open the days that have begun and count changes in; return how many. None: all is to be counted anew."""
    book = stored.lock_book(session, merchant_id)
    zone, today = stored.zone_and_day(session, merchant_id)
    if book is None or book.time_zone != zone:
        return None
    if stored.imported_since(session, merchant_id, counted_at=book.counted_at) is not None:
        return None
    which: dict[str, Any] = {"merchant_id": merchant_id, "day": book.day}
    if book.day < today:
        session.execute(stored.OPEN_DAYS, which | {"today": today})
        book.day = today
    which |= {"day": book.day, "zone": zone, "oldest": today - KEPT, "most": AT_ONCE}
    return int(session.execute(stored.COUNT_IN, which).scalar_one())


def _count_anew(ctx: Context, merchant_id: uuid.UUID, *, now: datetime) -> None:
    """Count everything from the subscriptions, in one look at the database.

    What that look sees is what the changes that it sees lead to: they go.  Whoever changes something meanwhile is not
    seen, and leaves a change behind that is counted in afterwards.
    """
    for tries_left in (2, 1, 0):
        try:
            with ctx.db.begin() as session:
                stored.see_one_moment(session)
                _write(session, merchant_id, now=now)
            return
        except OperationalError:  # somebody counted in at the same moment
            if not tries_left:
                raise


def _write(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> None:
    book = stored.lock_book(session, merchant_id)
    zone, today = stored.zone_and_day(session, merchant_id)
    if book is None:
        book = FigureBook(merchant_id=merchant_id, day=today, begun_on=today)
        session.add(book)
    elif book.day < today:
        session.execute(stored.OPEN_DAYS, {"merchant_id": merchant_id, "day": book.day, "today": today})
        book.day = today
    found = None
    if book.counted_at is not None:
        found = stored.imported_since(session, merchant_id, counted_at=book.counted_at)
    # An import that ends while others are counted is added once.
    book.time_zone, book.counted_at = zone, max(now, found[1]) if found is not None else now
    session.flush()
    _fill(session, book, oldest=today - KEPT)
    if found is not None:
        which = {"merchant_id": merchant_id, "zone": zone, "oldest": max(book.begun_on, today - KEPT)}
        session.execute(stored.ADD_PAST, which | {"begun_on": book.day, "since": found[0]})


def _fill(session: Session, book: FigureBook, *, oldest: date) -> None:
    """Write the numbers anew: of what stands those of today, and of the days that nobody has seen."""
    which: dict[str, Any] = {"merchant_id": book.merchant_id, "zone": book.time_zone}
    which |= {"oldest": oldest, "today": book.day}
    session.execute(delete(FigureChange).where(FigureChange.merchant_id == book.merchant_id))
    unseen = or_(DailyFigure.day < book.begun_on, DailyFigure.day == book.day, DailyFigure.day < oldest)
    over = or_(DailyFigure.figure.not_in(STANDING), unseen)
    session.execute(delete(DailyFigure).where(DailyFigure.merchant_id == book.merchant_id, over))
    session.execute(stored.COUNT_ANEW, which)
    session.execute(stored.RECKON_BACK, which | {"begun_on": book.begun_on})
