"""What a comparison writes: each difference on its own, through the one door, listed in the run's report."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import case, func, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal.clock import SLACK, utc_now
from portal.logs import place_of
from portal.models import ComparisonDifference, ComparisonRun, Subscription
from portal.providers.ports import Reading
from portal.queries import subscriptions
from portal.queries.comparisons import comparison_differences, comparison_turns
from portal.services.arrivals.import_pages import Gathered, write_page
from portal.services.arrivals.import_rows import Origin
from portal.services.comparisons.comparison_facts import Difference, facts_of_reading
from portal.services.context import Context
from portal.services.dates.provider_facts import last_read
from portal.services.ends import endings

log = structlog.get_logger(__name__)

RowFailures = (OperationalError, InterfaceError)  # the database is away: no failure of one row


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One subscription as PayPal showed it, and when PayPal was asked."""

    subscription: Subscription  # detached
    reading: Reading
    asked_at: datetime


class Unwritten(Exception):
    """The page's writer has undone the row and logged why."""


def correct(ctx: Context, run: ComparisonRun, seen: Seen, found: Difference, page: Gathered | None = None) -> None:
    """List one difference and, unless the run is dry, let it through the one door; a row that fails stops nobody.

    `page` holds the plan that PayPal shows, where it is another one.
    """
    try:
        with ctx.db.begin() as session:
            if run.dry_run:
                _list(session, run, seen, found, corrected=False)
            elif _through_the_door(ctx, session, run, seen, page):
                _list(session, run, seen, found, corrected=True)
    except RowFailures:
        raise
    except Exception as error:
        if not isinstance(error, Unwritten):
            log_failure(run, seen.subscription, error)
        fail(ctx, run, seen.subscription, "not_written", found)


def fail(
    ctx: Context, run: ComparisonRun, subscription: Subscription, error: str, found: Difference | None = None
) -> None:
    """Count a subscription that could not be read or written, and list it with one word why."""
    with ctx.db.begin() as session:
        if not comparison_differences.has_difference(session, run.id, subscription.provider_id):
            _count(session, run, failed=1)
            _add(
                session,
                run,
                subscription_id=subscription.id,
                provider_id=subscription.provider_id,
                before=found.before if found is not None else {},
                after=found.after if found is not None else {},
                error=error,
            )
    log.warning("comparison_row_not_compared", run_id=str(run.id), subscription_id=str(subscription.id), why=error)


def log_failure(run: ComparisonRun, subscription: Subscription, error: Exception) -> None:
    """Log where one subscription failed; its text may hold personal data and stays out."""
    name, place = type(error).__name__, place_of(error)
    subscription_id = str(subscription.id)
    log.error("comparison_row_failed", run_id=str(run.id), subscription_id=subscription_id, error=name, place=place)


def add(ctx: Context, run: ComparisonRun, origin: Origin, page: Gathered) -> None:
    """Take in what PayPal's list has and we have not; a dry run only lists it."""
    with ctx.db.begin() as session:
        if not run.dry_run:
            written = write_page(ctx, session, origin, page, now=utc_now())
            _count(session, run, added=written.created, failed=written.failed)
        for reading in page.readings:
            subscription_id = comparison_turns.subscription_id(session, run, reading.provider_id)
            if comparison_differences.has_difference(session, run.id, reading.provider_id):
                continue
            if run.dry_run:
                _count(session, run, added=1)
            _add(
                session,
                run,
                subscription_id=subscription_id,
                provider_id=reading.provider_id,
                before={},
                after=facts_of_reading(reading),
                corrected=subscription_id is not None,
                error="" if run.dry_run or subscription_id is not None else "not_written",
            )


def touch(session: Session, ids: Collection[UUID], *, read_at: datetime) -> None:
    """Say of subscriptions that stand as at PayPal when they were read. Rows that somebody holds are left alone."""
    free = comparison_turns.free_to_touch(session, ids)
    if free:
        known = Subscription.provider_read_at
        later = case((known > utc_now() + SLACK, read_at), else_=func.greatest(known, read_at))  # ahead: no read at all
        session.execute(
            update(Subscription)
            .where(Subscription.id.in_(free))
            .values(provider_read_at=later)
            .execution_options(synchronize_session=False)
        )


def _through_the_door(ctx: Context, session: Session, run: ComparisonRun, seen: Seen, page: Gathered | None) -> bool:
    """Write PayPal's answer; False when somebody read PayPal after us: theirs stands."""
    subscription = subscriptions.lock(session, run.merchant_id, seen.subscription.id)
    now = utc_now()
    if last_read(subscription, now=now) >= seen.asked_at:
        return False
    if page is None:
        endings.record_reading(ctx, session, subscription, seen.reading, now=now)
    elif write_page(ctx, session, Origin(run.merchant_id, run.environment), page, now=now).failed:
        raise Unwritten
    return True


def _list(session: Session, run: ComparisonRun, seen: Seen, found: Difference, *, corrected: bool) -> None:
    provider_id = seen.subscription.provider_id
    if found.is_quiet or (run.dry_run and comparison_differences.has_difference(session, run.id, provider_id)):
        return
    _count(session, run, differed=1, corrected=int(corrected))
    _add(
        session,
        run,
        subscription_id=seen.subscription.id,
        provider_id=provider_id,
        before=found.before,
        after=found.after,
        corrected=corrected,
    )


def _add(session: Session, run: ComparisonRun, **columns: Any) -> None:
    session.add(ComparisonDifference(merchant_id=run.merchant_id, run_id=run.id, at=utc_now(), **columns))


def _count(session: Session, run: ComparisonRun, **more: int) -> None:
    """Add to the run's counts, in the transaction of what is counted."""
    session.execute(
        update(ComparisonRun)
        .where(ComparisonRun.id == run.id)
        .values({name: getattr(ComparisonRun, name) + number for name, number in more.items()})
        .execution_options(synchronize_session=False)
    )
