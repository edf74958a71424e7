"""The database's clock is the one that counts, whatever the machine's shows (deciding test 21; decision 15)."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import procrastinate.utils
import psycopg
import pytest
import time_machine
from procrastinate.periodic import PeriodicDeferrer
from procrastinate.retry import RetryDecision

import portal.jobs  # noqa: F401 - registers what comes by the clock
from portal import clock, extensions, queue
from portal.clock import utc_now

ROOT = Path(__file__).resolve().parents[1]
SHIFTS = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1), timedelta(days=365)]
NEAR = timedelta(seconds=20)  # a busy machine, never as much as any shift


def databases_time(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT clock_timestamp()").fetchone()[0]


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_21_a_machine_whose_date_is_wrong_goes_by_the_database(database_url, databases_clock, ctx, shift):
    """Wrong from the start, then put right, then wrong again while it runs."""
    with time_machine.travel(datetime.now(UTC) + shift):
        assert abs(utc_now() - databases_time(database_url)) < NEAR
        assert clock.machine_is_off()
    assert clock.is_old(), "the machine's clock was set: the database is asked again"
    assert abs(utc_now() - databases_time(database_url)) < NEAR
    assert not clock.machine_is_off()
    with time_machine.travel(datetime.now(UTC) + shift):
        assert abs(utc_now() - databases_time(database_url)) < NEAR


def test_the_clock_is_measured_again_after_a_minute(database_url, databases_clock, monkeypatch):
    utc_now()
    assert not clock.is_old()
    now = time.monotonic()
    monkeypatch.setattr(clock.time, "monotonic", lambda: now + clock.MEASURE_EVERY + 1)
    assert clock.is_old()


def test_an_answer_that_was_long_under_way_is_not_taken_for_the_time(databases_clock, ctx, monkeypatch):
    """The database answers at once, and the answer lies for a second on a busy machine: twice, then it does not."""
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    passed = [0.0]

    class Slow:
        delays = iter([1.0, 1.0, 0.002, 0.0])

        def cursor(self):
            return self

        def execute(self, _statement):
            self.said = noon + timedelta(seconds=passed[0])
            passed[0] += next(self.delays)
            return self

        def fetchone(self):
            return (self.said,)

        def commit(self):
            pass

    monkeypatch.setattr(extensions.time, "monotonic", lambda: passed[0])
    extensions._set_clock(ctx.db.engine, Slow())
    assert abs(utc_now() - noon - timedelta(seconds=passed[0])) <= timedelta(milliseconds=2)


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_the_job_library_goes_by_the_same_clock(database_url, databases_clock, shift):
    """A retry is planned, and what comes by the hour comes, by the database's time: an update must not undo this."""
    utc_now()
    with time_machine.travel(datetime.now(UTC) + shift):
        right = databases_time(database_url)
        assert abs(procrastinate.utils.utcnow() - right) < NEAR
        assert abs(RetryDecision(retry_in={"seconds": 60}).retry_at - right - timedelta(minutes=1)) < NEAR
        assert abs(asyncio.run(first_look()) - right.timestamp()) < NEAR.total_seconds()


async def first_look():
    """The time from which the library reckons what comes by the clock."""
    looked = []

    class Deferrer(PeriodicDeferrer):
        def get_previous_tasks(self, at):
            looked.append(at)
            return []

        async def wait(self, next_tick):
            raise asyncio.CancelledError

    with suppress(asyncio.CancelledError):
        await Deferrer(registry=queue.app.periodic_registry).worker()
    return looked[0]


def test_nobody_reads_the_machines_clock():
    """But the clock itself, what only dates (logs, a cookie's draft, a file's name), what compares with a file's own
    time or judges this very clock, and the demo, which is its own world."""
    allowed = {"portal/clock.py", "portal/web/drafts.py"}
    allowed |= {"portal/journal/pens.py", "portal/journal/stores.py"}
    allowed |= {f"portal/services/installation/{name}_checks.py" for name in ("database", "outside")}
    reading = re.compile(r"datetime\.now\(|datetime\.utcnow|date\.today\(|(?<!clock_)time\.time\(")
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "portal").rglob("*.py")
        if "demo" not in path.parts and reading.search(path.read_text())
    }
    assert found - allowed == set()
