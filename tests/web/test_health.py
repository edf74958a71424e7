"""/healthz tells a machine about the database and the worker (issue 2, Health)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from portal import create_app, releases
from portal.extensions import Database
from portal.journal.gathering import Journal
from portal.services import health
from portal.services.restores import Gate
from portal.version import VERSION
from portal.web import schemas
from tests.browser_client import Browser
from tests.ports import free_port


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
    said = {
        "status": "ok" if status == 200 else "failing",
        "database": "ok",
        "schema": "ok",
        "worker": told,
        "wakeups": "ok",
        "clock": "ok",
        "version": VERSION,
        "forwarded": 0,
        "legal_notice": "missing",
        "journal": "off",
    }
    assert answer.get_json() == said
    assert not answer.headers.getlist("Set-Cookie")


def test_a_database_that_is_away_is_failing_health(config, ctx):
    nowhere = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/portal")
    answer = Browser(create_app(config, replace(ctx, db=nowhere))).get("/healthz", status=503).response
    assert answer.get_json() == {
        "status": "failing",
        "database": "away",
        "schema": "unknown",
        "worker": "unknown",
        "wakeups": "unknown",
        "clock": "unknown",
        "version": VERSION,
        "forwarded": 0,
        "legal_notice": "missing",
        "journal": "unknown",
    }


def test_whoever_runs_the_installation_has_a_legal_notice_where_one_is_set(config, ctx, make):
    """On pages that are no merchant's; a merchant's lead to their own."""
    there = "https://host.example/legal"
    make.merchant(slug="atelier")
    named = Browser(create_app(replace(config, operator_legal_url=there), ctx))
    worker(ctx, 5)
    assert named.get("/healthz").response.get_json()["legal_notice"] == "ok"
    (link,) = named.get("/").select(f"footer a[href='{there}']")
    assert link.get_text() in ("Legal notice", "Mentions légales")
    assert named.get("/account/atelier/login").select(f"footer a[href='{there}']") == []


def test_without_one_no_page_leads_to_none(browser):
    assert "Legal notice" not in str(browser.get("/").select_one("footer"))


READ_ONLY = "ALTER DATABASE {} SET default_transaction_read_only = on"
FULL = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON health_marks EXECUTE FUNCTION full_disk()
"""


@pytest.mark.parametrize("harm", [READ_ONLY, FULL])
def test_a_database_that_cannot_be_written_is_failing_health(browser, ctx, harm):
    worker(ctx, 5)
    with ctx.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(harm.format(conninfo_to_dict(ctx.db.url)["dbname"])))
    ctx.db.dispose()
    for _ in range(2):
        answer = browser.get("/healthz", status=503).response
        told = answer.get_json()
        assert (told["status"], told["database"], told["schema"], told["worker"]) == (
            "failing",
            "unwritable",
            "ok",
            "ok",
        )


def test_health_writes_no_more_often_than_it_needs(browser, ctx):
    worker(ctx, 5)
    written = "SELECT xmin::text, octet_length(filling) FROM health_marks"
    marks = []
    for _ in range(3):
        browser.get("/healthz")
        with ctx.db.read() as session:
            marks.append(session.execute(text(written)).one())
    assert len(set(marks)) == 1
    assert marks[0][1] == 32 * 1024


def test_a_database_that_only_reads_is_a_page_and_no_defect(browser, ctx, make):
    """503, so that a balancer tries elsewhere and PayPal sends again."""
    merchant = make.merchant(locale="en")
    login = browser.get(f"/account/{merchant.slug}/login")
    with ctx.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(READ_ONLY.format(conninfo_to_dict(ctx.db.url)["dbname"])))
    ctx.db.dispose()
    page = login.submit(email="claire@client.test", status=503)
    assert page.h1 == "We are briefly unavailable"
    assert page.response.headers["Retry-After"]


@pytest.mark.parametrize("shift", [-61, 61, 365 * 86400])
def test_a_machine_whose_clock_is_off_says_so(browser, ctx, databases_clock, shift):
    worker(ctx, 5)
    browser.get("/healthz")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=shift)):
        answer = browser.get("/healthz", status=503).response
    assert (answer.get_json()["status"], answer.get_json()["clock"]) == ("failing", "off")
    assert browser.get("/healthz").response.get_json()["clock"] == "ok"


@pytest.mark.parametrize(("minutes_ago", "said"), [(1, "polled"), (14, "polled"), (16, "ok")])
def test_a_worker_that_nothing_wakes_is_told_of_for_as_long_as_it_finds_so(browser, ctx, minutes_ago, said):
    worker(ctx, 5)
    health.note_deaf(ctx)
    with ctx.db.begin() as session:
        session.execute(
            text("UPDATE health_marks SET deaf_at = now() - make_interval(mins => :ago)"), {"ago": minutes_ago}
        )
    told = browser.get("/healthz").response.get_json()
    assert (told["status"], told["wakeups"]) == ("ok", said)


@pytest.mark.parametrize(
    ("header", "count"),
    [({}, 0), ({"X-Forwarded-For": "203.0.113.9"}, 1), ({"X-Forwarded-For": "10.0.0.1, 203.0.113.9,::1"}, 3)],
)
def test_health_tells_how_many_proxies_told_who_asks(app, header, count):
    answer = app.test_client().get("/healthz", headers={"Host": "portal.test", **header})
    assert answer.get_json()["forwarded"] == count


SCHEMA = "UPDATE alembic_version SET version_num = '{}'; COMMENT ON TABLE alembic_version IS '{}{}'"


@pytest.mark.parametrize(
    ("number", "least", "said"), [("0059", "", "old"), ("9999", "9998", "new"), ("9999", "", "ok")]
)
def test_a_schema_of_another_release_is_told_and_keeps_a_web_process_from_starting(
    browser, ctx, caplog, number, least, said
):
    worker(ctx, 5)
    with ctx.db.begin() as session:
        session.execute(text(SCHEMA.format(number, releases.MARK, least)))
    try:
        answer = browser.get("/healthz", status=200 if said == "ok" else 503).response
        assert answer.get_json()["schema"] == said
        assert schemas.refuses(browser.app) is (said != "ok")
        assert ("run flask migrate" in caplog.text) == (said == "old")
        assert ("start the newer release" in caplog.text) == (said == "new")
    finally:
        with ctx.db.begin() as session:
            session.execute(text(SCHEMA.format(releases.known(), releases.MARK, "")))


@pytest.fixture
def journal(ctx, tmp_path, vault):
    folder = tmp_path / "journal"
    folder.mkdir()
    journal = ctx.db.journal = Journal(folder, vault)
    journal.start(ctx.db.engine)
    yield journal
    ctx.db.journal = None


@pytest.mark.parametrize("ill", ["", "unwritable", "unreadable", "behind", "restored"])
def test_the_journal_is_part_of_health(browser, ctx, app, journal, ill):
    worker(ctx, 5)
    if ill == "unwritable":
        journal.failing_since = 1.0
    elif ill == "unreadable":
        journal.folder.path.rmdir()
    elif ill == "behind":
        with ctx.db.begin() as session:
            session.execute(
                text(
                    "INSERT INTO journal_entries (of_table, key, act, at)"
                    " VALUES ('mails', 'k', 'gone', now() - interval '9 minutes')"
                )
            )
    elif ill == "restored":
        with ctx.db.begin() as session:
            session.execute(text("UPDATE installations SET restored_at = now()"))
    app.extensions["portal"] = replace(ctx, gate=Gate(ctx.db))
    said = browser.get("/healthz", status=503 if ill else 200).response.get_json()
    assert said["journal"] == (ill or "ok")
