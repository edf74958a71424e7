"""The regular jobs: each does all of its parts, and an import goes from job to job until it is done."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sqlalchemy import select, text

from portal import queue
from portal.jobs import housekeeping, run_worker
from portal.models import EndRequest, ImportRun, ImportState
from portal.services import aging
from portal.services.imports import imports
from tests.services.carrying.carried import ask, carry


@pytest.fixture
def job(ctx):
    return SimpleNamespace(additional_context={"portal": ctx})


def tasks(ctx):
    with ctx.db.read() as session:
        return set(session.scalars(text("SELECT task_name FROM procrastinate_jobs")))


def test_ends_and_mails_whose_jobs_were_lost_get_new_ones(ctx, make, job):
    make.merchant()
    ask(ctx, make, make.subscription())
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))
        session.execute(text("UPDATE end_requests SET next_try_at = now() - interval '1 hour'"))
        session.execute(text("UPDATE mails SET send_at = now() - interval '1 hour'"))
    housekeeping.sweep.func(job, 0)
    assert tasks(ctx) == {"end_requests.carry_out", "mails.send"}


def test_what_failed_in_aging_fails_the_job_so_that_it_is_seen(ctx, make, paypal, job):
    make.merchant()
    paypal.rule("show", "500")
    carry(ctx, ask(ctx, make, make.subscription()))
    housekeeping.age.func(job, 0)
    with ctx.db.begin() as session:
        session.execute(text("UPDATE subscriptions SET next_payment_at = '9999-12-31 23:30+00'"))
        session.execute(text("UPDATE end_requests SET created_at = now() - interval '2 days'"))
    with pytest.raises(aging.Unfinished):
        housekeeping.age.func(job, 0)
    with ctx.db.read() as session:
        assert session.scalars(select(EndRequest.overdue_told_at)).one() is None


def test_an_import_goes_from_job_to_job_until_it_is_done(ctx, make, paypal, monkeypatch):
    monkeypatch.setattr(imports, "PAGES_PER_JOB", 1)
    merchant = make.merchant()
    for number in range(45):
        paypal.add_subscription(email=f"c{number}@client.test")
    imports.start_or_resume(ctx, merchant.id, in_background=True)
    for _ in range(4):  # a worker that does not wait stops while the next job is still held back
        run_worker(ctx, wait=False)
    with ctx.db.read() as session:
        run = session.scalars(select(ImportRun)).one()
        jobs = session.scalars(text("SELECT status FROM procrastinate_jobs WHERE task_name = 'imports.run'")).all()
    assert (run.state, run.seen, run.created) == (ImportState.DONE, 45, 45)
    assert jobs == ["succeeded"] * 3, "one page each"


def test_people_who_wait_come_before_reads_and_reads_before_long_work(ctx):
    """While PayPal answers nothing, an acknowledgement deferred last is still sent first."""
    order = [queue.RUN_COMPARISON, queue.REREAD, queue.SEND_MAIL]
    with ctx.db.begin() as session:
        for task in order:
            queue.defer(session, task, anything="x")
    with ctx.db.begin() as session:
        taken = [
            session.execute(text("SELECT task_name FROM procrastinate_fetch_job_v2(NULL, NULL)")).scalar_one()
            for _ in order
        ]
    assert taken == order[::-1]


def test_a_dead_job_whose_successor_waits_already_keeps_no_other_dead_job(ctx, make):
    """Two sweeps may not wait at once: the dead one cannot be given back, the dead worker's end must be."""
    add = text(
        "INSERT INTO procrastinate_jobs (task_name, queue_name, queueing_lock, status, scheduled_at, args) "
        "VALUES (:task, 'default', :lock, CAST(:status AS procrastinate_job_status), "
        """now() + make_interval(days => :days), '{"timestamp": 0}')"""
    )
    with ctx.db.begin() as session:
        for task, status, days in [("sweep", "doing", 0), ("sweep", "todo", 1), ("stalled_jobs", "todo", 0)]:
            told = {"task": f"housekeeping.{task}", "lock": task, "status": status, "days": days}
            session.execute(add, told)
    make.merchant()
    ask(ctx, make, make.subscription())
    with ctx.db.begin() as session:
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name LIKE 'end%'"))
    run_worker(ctx, wait=False)
    with ctx.db.read() as session:
        jobs = session.execute(text("SELECT task_name, status::text FROM procrastinate_jobs")).all()
    assert ("end_requests.carry_out", "doing") not in jobs
    assert sorted(status for name, status in jobs if name == "housekeeping.sweep") == ["failed", "todo"]
