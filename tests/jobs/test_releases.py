"""A worker of an older release beside a newer one: what it does not know stays for the other, untried."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading

import psycopg
import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import text

from portal import queue, releases
from portal.clock import utc_now
from portal.jobs import housekeeping, run_worker
from portal.jobs import releases as own_release
from tests.jobs.test_housekeeping import job  # noqa: F401 - a fixture
from tests.jobs.test_worker import until


def put(ctx, task, arguments="{}", priority=50, **more):
    """A job as another release defers it."""
    columns = {"task_name": task, "args": arguments, "priority": priority, "queue_name": "default", **more}
    names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    with ctx.db.begin() as session:
        made = f"INSERT INTO procrastinate_jobs ({names}) VALUES ({values}) RETURNING id"  # noqa: S608
        return session.scalar(text(made), columns)


def told(ctx, job_id):
    with ctx.db.read() as session:
        return session.execute(
            text("SELECT status::text, attempts, worker_id FROM procrastinate_jobs WHERE id = :id"), {"id": job_id}
        ).one()


def test_a_job_of_an_unknown_kind_is_left_and_what_is_known_is_done(ctx, make):
    newer = put(ctx, "souls.weigh", '{"soul_id": 1}')
    merchant = make.merchant()
    known = put(ctx, queue.REGISTER_WEBHOOK, f'{{"merchant_id": "{merchant.id}"}}', priority=0)
    run_worker(ctx, wait=False)
    assert told(ctx, newer) == ("todo", 0, None)
    assert told(ctx, known)[0] == "succeeded"


def test_a_job_with_parameters_that_are_not_known_is_left_for_a_minute_and_uses_up_no_try(ctx):
    newer = put(ctx, queue.SEND_MAIL, '{"mail_id": "x", "by_pigeon": true}')
    shorter = put(ctx, queue.SEND_MAIL, "{}")
    run_worker(ctx, wait=False)
    assert told(ctx, newer) == told(ctx, shorter) == ("todo", 0, None)
    with ctx.db.read() as session:
        waits = (
            "SELECT scheduled_at > now() + interval '30 seconds' FROM procrastinate_jobs WHERE task_name = 'mails.send'"
        )
        assert session.scalars(text(waits)).all() == [True, True]


def test_who_waits_behind_a_job_of_its_lock_waits_on_when_that_one_is_left(ctx):
    put(ctx, "souls.weigh", lock="one")
    behind = put(ctx, queue.SEND_MAIL, '{"mail_id": "x"}', lock="one")
    run_worker(ctx, wait=False)
    assert told(ctx, behind)[0] == "todo"


def test_what_is_left_is_counted_in_the_log(ctx, job, caplog):  # noqa: F811
    housekeeping.left_jobs.func(job, 0)
    assert "jobs_of_another_release" not in caplog.text
    put(ctx, "souls.weigh")
    put(ctx, "souls.weigh", scheduled_at=utc_now().replace(year=9999))
    housekeeping.left_jobs.func(job, 0)
    assert "'count': 1" in caplog.text


@pytest.fixture
def admits(database_url):
    """Say which code the database admits, as a migration of a later release does it; at the end, what it was."""

    def only(least):
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"COMMENT ON TABLE alembic_version IS '{releases.MARK}{least}'")

    yield only
    only("")


def test_a_worker_that_the_schema_does_not_admit_does_not_start(ctx, admits):
    admits("9000")
    with pytest.raises(releases.Refused, match=r"for releases that know 9000; .* start the newer release"):
        run_worker(ctx)


def test_a_worker_stops_when_the_schema_goes_beyond_it_and_says_why(ctx, admits, monkeypatch):
    """It takes some seconds: a whole worker starts, in this process."""
    monkeypatch.setattr(own_release, "LOOKS_EVERY", 0.2)

    def go_beyond():
        with psycopg.connect(ctx.db.url, autocommit=True) as connection:
            until(lambda: connection.execute("SELECT 1 FROM procrastinate_workers").fetchone())
        admits("9000")

    beside = threading.Thread(target=go_beyond)
    beside.start()
    with pytest.raises(releases.Refused, match="start the newer release"):
        run_worker(ctx)
    beside.join()


def test_a_schema_that_is_newer_but_admits_this_code_is_worked_on(ctx, admits, monkeypatch):
    monkeypatch.setattr(own_release, "LOOKS_EVERY", 0.01)
    monkeypatch.setattr(releases, "known", lambda: "0060")
    admits("0060")

    async def a_while():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(own_release.watch(ctx), 0.5)

    asyncio.run(a_while())
    admits("0061")
    assert "0061" in asyncio.run(own_release.watch(ctx))


def test_the_librarys_own_way_to_fetch_a_job_is_the_one_that_ours_was_made_from():
    """When it changes, compare it with `portal.jobs.releases.FETCH`, then write its new fingerprint here."""
    found = re.search(r"FUNCTION procrastinate_fetch_job_v2\(.*?\$\$(.*?)\$\$", SchemaManager.get_schema(), re.DOTALL)
    assert hashlib.sha256(" ".join(found[1].split()).encode()).hexdigest()[:16] == "91ad15acf5b3d7f1"
