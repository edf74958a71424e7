"""What the installation keeps for itself goes in batches, and nothing else does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from portal import queue
from portal.clock import utc_now
from portal.domain.law.retention import OPERATOR, Stock
from portal.jobs import housekeeping, old_job_rows
from portal.models import ComparisonDifference, ComparisonRun, ComparisonState, ComparisonTrigger, Throttle
from portal.services import aging, batches, throttles
from tests.jobs.test_housekeeping import job  # noqa: F401 - a fixture


def jobs_of(ctx, days, statuses):
    """Jobs in these states to which something happened so many days ago."""
    with ctx.db.begin() as session:
        for status in statuses:
            queue.defer(session, queue.SEND_MAIL, mail_id="x")
            number = session.scalar(text("SELECT max(id) FROM procrastinate_jobs"))
            session.execute(
                text("UPDATE procrastinate_jobs SET status = CAST(:s AS procrastinate_job_status) WHERE id = :n"),
                {"s": status, "n": number},
            )
            session.execute(
                text("UPDATE procrastinate_events SET at = now() - make_interval(days => :d) WHERE job_id = :n"),
                {"d": days, "n": number},
            )


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_jobs_that_ended_long_ago_go_and_what_waits_or_is_young_stays(ctx, job, monkeypatch, batch):  # noqa: F811
    monkeypatch.setattr(old_job_rows, "BATCH", batch)
    jobs_of(ctx, 9, ["succeeded", "todo", "failed", "doing", "cancelled", "aborted", "succeeded"])
    jobs_of(ctx, 6, ["succeeded", "failed"])
    housekeeping.old_jobs.func(job, 0)
    with ctx.db.read() as session:
        left = session.scalars(text("SELECT status::text FROM procrastinate_jobs ORDER BY id")).all()
    assert left == ["todo", "doing", "succeeded", "failed"]


def test_counters_go_batch_by_batch_and_who_holds_one_is_not_waited_for(ctx, monkeypatch, now):
    monkeypatch.setattr(batches, "DELETED_AT_ONCE", 2)
    day = OPERATOR[Stock.COUNTERS]
    with ctx.db.begin() as session:
        for number in range(5):
            session.add(Throttle(key=f"old {number}", window_start=now - day - timedelta(hours=1), count=1))
        session.add(Throttle(key="young", window_start=now - day + timedelta(hours=1), count=1))
    with ctx.db.begin() as other:
        other.execute(select(Throttle).where(Throttle.key == "old 3").with_for_update())
        assert throttles.purge(ctx, before=now - day) == 4
    with ctx.db.read() as session:
        assert set(session.scalars(select(Throttle.key))) == {"old 3", "young"}


def test_comparisons_of_before_last_year_go_unless_they_run_or_somebody_has_to_read_of_them(ctx, make):
    merchant, now = make.merchant(), utc_now()
    keep = OPERATOR[Stock.COMPARISONS]

    def run(days, state=ComparisonState.DONE, **found):
        begun = ComparisonRun(
            merchant_id=merchant.id,
            environment="sandbox",
            trigger=ComparisonTrigger.NIGHTLY,
            created_at=now - keep - timedelta(days=days),
            touched_at=now,
            state=state,
        )
        make.add(begun)
        if found:
            one = {"provider_id": "I-1", "at": now, "before": {}, "after": {}}
            make.add(ComparisonDifference(merchant_id=merchant.id, run_id=begun.id, **one, **found))
        return begun.id

    run(1)
    run(1, corrected=True, seen_at=now)
    run(1, corrected=False)
    stays = {run(-1), run(1, corrected=True), run(1, state=ComparisonState.RUNNING)}
    aging.forget_expired(ctx, now=now)
    with ctx.db.read() as session:
        assert set(session.scalars(select(ComparisonRun.id))) == stays
        assert session.scalar(select(func.count()).select_from(ComparisonDifference)) == 1


# What is asked for each time, on a table that grows with the customers; the others grow with the staff alone.
LOOKED_AT = {
    "sessions": "expires_at",
    "login_challenges": "expires_at",
    "task_links": "expires_at",
    "throttles": "window_start",
    "api_replies": "created_at",
    "api_uses": "minute",
    "comparison_runs": "created_at",
}


@pytest.mark.parametrize(("table", "column"), LOOKED_AT.items())
def test_a_purge_has_an_index_of_its_own(ctx, table, column):
    with ctx.db.begin() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        asked = f"EXPLAIN SELECT 1 FROM {table} WHERE {column} < now() - interval '1 day' LIMIT 1000"  # noqa: S608
        plan = "\n".join(session.scalars(text(asked)))
    assert "Index" in plan
    assert "Seq Scan" not in plan
