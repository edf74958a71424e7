"""Comparing, and looking at what came of it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.models import (
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    Subscription,
    TimelineEntry,
)
from portal.queries.comparisons import comparisons as reads
from portal.services.comparisons.comparisons import run_comparison, run_share, start_or_resume


def grow_old(ctx, days=4):
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(provider_read_at=utc_now() - timedelta(days=days)))


def compare(ctx, merchant, **how):
    run = start_or_resume(ctx, merchant.id, **how)
    return run_comparison(ctx, run.id, calls_per_second=None)


def differences(ctx, run):
    with ctx.db.read() as session:
        rows = session.scalars(select(ComparisonDifference).filter_by(run_id=run.id).order_by(ComparisonDifference.at))
        return list(rows)


def stored(ctx, provider_id):
    with ctx.db.read() as session:
        return session.scalars(select(Subscription).filter_by(provider_id=provider_id)).one()


def kinds(ctx, subscription):
    with ctx.db.read() as session:
        found = session.scalars(select(TimelineEntry.kind).where(TimelineEntry.subscription_id == subscription.id))
        return Counter(found)


def jobs(ctx, task="comparisons.run"):
    with ctx.db.read() as session:
        return session.execute(
            text("SELECT args, lock, scheduled_at FROM procrastinate_jobs WHERE task_name = :task ORDER BY id"),
            {"task": task},
        ).all()


def done_run(merchant, at, **columns):
    values = {"trigger": ComparisonTrigger.NIGHTLY, "state": ComparisonState.DONE, "finished_at": at} | columns
    return ComparisonRun(merchant_id=merchant.id, environment="sandbox", touched_at=at, created_at=at, **values)


def finish(ctx, at):
    with ctx.db.begin() as session:
        session.execute(update(ComparisonRun).values(state=ComparisonState.DONE, finished_at=at))


def run_now(ctx, run, **how):
    """Do one share of a run whose wait is over; return how it stands."""
    with ctx.db.begin() as session:
        waits = (ComparisonRun.id == run.id, ComparisonRun.state == ComparisonState.STOPPED)
        session.execute(update(ComparisonRun).where(*waits).values(wait_until=utc_now()))
    run_share(ctx, run.id, **how)
    with ctx.db.read() as session:
        return reads.get(session, run.id)
