"""`flask check`: each thing that can be wrong with an installation is found, and says what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import text

from portal.domain.installation import State
from portal.extensions import Database
from portal.services.installation import checks, machine_checks, outside_checks
from portal.version import VERSION
from tests.fakes.host_names import Names
from tests.fakes.raw_server import Raw, http
from tests.test_config import PRODUCTION
from tests.web.test_health import READ_ONLY, worker

OUTSIDE = frozenset({"paypal", "public"})


@pytest.fixture
def look(ctx, tmp_path):
    """Look at the test's own installation: what was found by its subject. The keywords are settings."""

    names = Names()
    names.records["portal.test"] = ["v=spf1 mx -all"]
    names.records["_dmarc.portal.test"] = ["v=DMARC1; p=reject"]
    ctx = replace(ctx, host_names=names)

    def run(*, context=ctx, without=OUTSIDE, mail_to="", **env):
        settings = {**PRODUCTION, "DATABASE_URL": "postgresql:///portal?host=/run/x"}
        settings |= {"PORTAL_JOURNAL": str(tmp_path / "journal"), **env}
        found = checks.look(settings, lambda _config: context, mail_to=mail_to, without=without)
        return {one.subject: one for one in found}

    return run


@pytest.fixture
def answering():
    servers = []

    def start(answer: bytes) -> str:
        servers.append(Raw(answer))
        return servers[-1].url

    yield start
    for server in servers:
        server.stop()


def to_mend(found) -> set[str]:
    return {subject for subject, one in found.items() if one.state is State.MEND}


def test_a_good_installation_has_nothing_to_mend(look, ctx, make):
    worker(ctx, 5)
    make.merchant()
    found = look(MAIL_FROM="portal@mail.test")
    assert to_mend(found) == set()
    assert found["schema"].state is State.OK
    assert found["merchants"].said == "There is a merchant."
    assert found["mail"].state is State.LEFT


def test_each_wrong_setting_is_named_and_nothing_else_is_tried():
    found = checks.look({}, lambda _config: pytest.fail("no context without settings"))
    assert {one.subject for one in found} == {"settings"}
    assert any("PORTAL_SECRET_KEY is missing" in one.said for one in found)
    assert all(one.remedy for one in found)


def test_a_setting_s_secret_is_never_told(look, ctx):
    nowhere = Database("postgresql://portal:verysecret@127.0.0.1:1/portal")
    found = checks.look(
        {**PRODUCTION, "SMTP_URL": "smtp://me:alsosecret@127.0.0.1:1"},
        lambda _config: replace(ctx, db=nowhere, host_names=Names()),
        without=OUTSIDE,
    )
    assert "secret@" not in str(found)
    assert "database" in {one.subject for one in found if one.state is State.MEND}


@pytest.mark.parametrize(("ages", "said"), [([], "No worker runs"), ([300], "sign of life for more than a minute")])
def test_a_worker_that_is_not_there_is_told(look, ctx, ages, said):
    for age in ages:
        worker(ctx, age)
    assert said in look()["worker"].said


def test_a_database_that_only_reads_is_told(look, ctx):
    with ctx.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(READ_ONLY.format(conninfo_to_dict(ctx.db.url)["dbname"])))
    ctx.db.dispose()
    assert "database writes" in to_mend(look())


def test_a_restored_database_is_to_be_recovered(look, ctx):
    gate = SimpleNamespace(is_restored=lambda: True)
    assert "recover" in look(context=replace(ctx, gate=gate))["restored"].remedy
    assert "restored" not in look(context=ctx)


@pytest.mark.parametrize(
    ("revision", "remedy"), [("0059", "flask --app wsgi migrate"), ("9999", "older than the tables")]
)
def test_tables_of_another_release_are_told(look, ctx, revision, remedy):
    with ctx.db.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :at"), {"at": revision})
    found = look()
    assert remedy in found["schema"].remedy
    assert "worker" not in found  # its tables may be others


def test_a_time_zone_that_the_database_does_not_know_is_told(look, ctx, make):
    merchant = make.merchant()
    with ctx.db.begin() as session:
        session.execute(text("UPDATE merchants SET time_zone = 'Mars/Olympus' WHERE id = :id"), {"id": merchant.id})
    assert "Mars/Olympus" in look()["time zones"].said


def test_too_many_processes_for_the_database_are_told(look):
    assert "database connections" in to_mend(look(WEB_CONCURRENCY="64"))


def test_a_worker_is_counted_with_the_queue_s_own_connections(look):
    """docs/scaling.md: sixteen; of a worker also four of the queue's own, and one that listens."""
    assert "may want 69." in look(WEB_CONCURRENCY="3")["database connections"].said


def test_an_embedded_database_that_does_not_start_is_told(ctx):
    def cannot(_config):
        raise PermissionError(13, "Permission denied")

    found = checks.look(PRODUCTION, cannot, without=OUTSIDE)
    assert "The embedded database does not start" in found[-1].said


def test_a_mail_password_that_cannot_travel_is_a_setting_to_mend():
    def cannot(_config):
        raise ValueError("the mail server's user and password must be ASCII")

    found = checks.look({**PRODUCTION, "DATABASE_URL": "postgresql:///x?host=/run/x"}, cannot, without=OUTSIDE)
    assert (found[-1].subject, found[-1].state) == ("settings", State.MEND)


def test_a_number_of_processes_that_is_none_is_told(look):
    assert "WEB_CONCURRENCY is 'two'" in look(WEB_CONCURRENCY="two")["settings"].said


def test_a_fault_of_a_look_is_a_finding(look, monkeypatch):
    monkeypatch.setattr(machine_checks, "findings", lambda _config: 1 / 0)
    assert "ZeroDivisionError" in look()["machine"].said


def test_a_folder_that_belongs_to_somebody_else_says_whose_it_is(tmp_path):
    (tmp_path / "file").write_text("in the way")
    found = machine_checks._folder("data folder", tmp_path / "file" / "data", "can be written")
    assert found.state is State.MEND
    assert "chown -R" in found.remedy
    assert machine_checks._folder("data folder", tmp_path / "new", "can be written").state is State.OK


@pytest.mark.parametrize(
    ("address", "said", "remedy"),
    [
        ("user=nobody_of_ours", "role", "createuser"),
        ("dbname=nowhere_of_ours", "does not exist", "createdb"),
        ("host=/nowhere", "No such file", "Start it"),
        ("host=db.invalid", "db.invalid", "Correct the host"),
    ],
)
def test_a_database_that_does_not_answer_says_what_is_to_be_corrected(look, ctx, database_url, address, said, remedy):
    """The sentences are PostgreSQL's own: a newer one may word them anew."""
    database = Database(make_conninfo(database_url, **dict([address.split("=")])))
    found = look(context=replace(ctx, db=database))["database"]
    assert said in found.said
    assert remedy in found.remedy


def test_without_a_journal_a_restored_backup_would_forget(look, tmp_path):
    assert look()["journal"].state is State.OK
    assert "forgets who came after" in look(PORTAL_JOURNAL="")["journal"].said
    (tmp_path / "file").write_text("in the way")
    found = look(PORTAL_JOURNAL=str(tmp_path / "file" / "journal"))
    assert found["journal"].state is State.MEND
    assert "chown -R" in found["journal"].remedy


def test_a_real_message_is_sent_and_a_refusal_told(look, ctx, mailer):
    assert look(mail_to="me@mail.test")["mail"].state is State.OK
    assert [(one.to, one.sender) for one in mailer.sent] == [("me@mail.test", ctx.mail_from)]
    mailer.away = True
    assert "SMTP_URL" in look(mail_to="me@mail.test")["mail"].remedy
    mailer.away, mailer.refusing = False, True
    assert look(mail_to="me@mail.test")["mail"].state is State.MEND


def healthz(**told) -> bytes:
    body = json.dumps({"version": VERSION, "forwarded": 0, **told}).encode()
    return http("200 OK", body, "Content-Type: application/json")


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (healthz(), {}),
        (healthz(forwarded=1), {"proxies"}),
        (healthz(version="0.0.9"), {"public address"}),
        (healthz(version=7), {"public address"}),
        (http("200 OK", b"<h1>It works!</h1>"), {"public address"}),
        (http("502 Bad Gateway", b'{"error": true}'), {"public address"}),
        (b"", {"public address"}),
    ],
)
def test_what_answers_at_the_public_address_is_this_release_behind_as_many_proxies(config_at, answering, answer, wrong):
    found = {one.subject: one for one in outside_checks.public(config_at(answering(answer)))}
    assert to_mend(found) - {"public name"} == set(wrong)
    assert "public name" in to_mend(found)  # 127.0.0.1 is where no stranger comes from


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [(http("502 Bad Gateway", b""), "Start the web"), (http("200 OK", b"It works!"), "pass every path on")],
)
def test_a_proxy_with_nobody_behind_it_is_not_the_one_to_mend(config_at, answering, answer, remedy):
    found = {one.subject: one for one in outside_checks.public(config_at(answering(answer)))}
    assert remedy in found["public address"].remedy


@pytest.fixture
def config_at(config):
    return lambda url: replace(config, base_url=url, paypal_urls={"live": url})


@pytest.fixture
def config(tmp_path, database_url):
    from config import Config

    return Config.from_env({**PRODUCTION, "DATABASE_URL": database_url})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            http("404 Not Found", b"{}", "Date: Sun, 29 Nov 2020 12:00:00 GMT"),
            {"PayPal live": "ok", "clock": "to mend"},
        ),
        (http("404 Not Found", b"{}", "Date: soon"), {"PayPal live": "ok", "clock": "not looked at"}),
        (b"", {"PayPal live": "to mend"}),
    ],
)
def test_paypal_is_reached_whatever_it_answers(config_at, answering, answer, said):
    found = outside_checks.paypal(config_at(answering(answer)))
    assert {one.subject.replace("clock of PayPal live", "clock"): str(one.state) for one in found} == said


def test_a_certificate_that_ran_out_is_told_as_that(monkeypatch):
    from datetime import UTC, datetime, timedelta

    from portal.providers.outside import Certificate

    shown = Certificate(datetime.now(UTC) - timedelta(days=1), "certificate has expired")
    monkeypatch.setattr("portal.providers.outside.certificate", lambda *_: shown)
    assert "ran out" in outside_checks._certificate("portal.test", 443).said
    later = Certificate(datetime.now(UTC) + timedelta(days=80), "self-signed certificate")
    monkeypatch.setattr("portal.providers.outside.certificate", lambda *_: later)
    assert "not trusted: self-signed" in outside_checks._certificate("portal.test", 443).said


def test_the_zone_of_the_sender_is_looked_at(look, ctx):
    names = Names()
    worker(ctx, 5)
    found = look(
        context=replace(ctx, host_names=names, mail_from="P <portal@mail.test>", bounce_address="b@other.test")
    )
    assert {"SPF", "DMARC"} <= to_mend(found)
    assert "other.test" in found["SPF"].said
    assert "_dmarc.mail.test" in found["DMARC"].remedy
    assert found["DKIM"].state is State.LEFT
    names.silent = True
    found = look(context=replace(ctx, host_names=names))
    assert "said nothing" in found["mail domain"].said
