"""/healthz tells a machine about the database and the worker (issue 2, Health)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import text

from portal import create_app
from portal.extensions import Database
from tests.browser_client import Browser
from tests.web.test_errors import free_port


def worker(ctx, seconds_ago: int) -> None:
    with ctx.db.begin() as session:
        session.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => :ago))"),
            {"ago": seconds_ago},
        )


@pytest.mark.parametrize(
    ("ages", "status", "told"),
    [([5], 200, "ok"), ([300, 5], 200, "ok"), ([300], 503, "silent"), ([], 503, "missing")],
)
def test_health_is_the_database_and_a_living_worker(browser, ctx, ages, status, told):
    for age in ages:
        worker(ctx, age)
    answer = browser.get("/healthz", status=status).response
    said = {"status": "ok" if status == 200 else "failing", "database": "ok", "worker": told, "clock": "ok"}
    assert answer.get_json() == said
    assert not answer.headers.getlist("Set-Cookie")


def test_a_database_that_is_away_is_failing_health(config, ctx):
    nowhere = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/portal")
    answer = Browser(create_app(config, replace(ctx, db=nowhere))).get("/healthz", status=503).response
    assert answer.get_json() == {
        "status": "failing",
        "database": "away",
        "worker": "unknown",
        "clock": "unknown",
    }


@pytest.mark.parametrize("shift", [-61, 61, 365 * 86400])
def test_a_machine_whose_clock_is_off_says_so(browser, ctx, databases_clock, shift):
    worker(ctx, 5)
    browser.get("/healthz")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=shift)):
        answer = browser.get("/healthz", status=503).response
    assert (answer.get_json()["status"], answer.get_json()["clock"]) == ("failing", "off")
    assert browser.get("/healthz").response.get_json()["clock"] == "ok"
