"""/livez, /readyz and /metrics: who is told what, and that nothing of a merchant's or a customer's is in it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from portal import clock, create_app
from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.extensions import Database
from tests.browser_client import Browser
from tests.ports import free_port
from tests.web.admin.waiting import make_request
from tests.web.test_health import FULL, READ_ONLY, worker

UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")

TOKEN, NEXT = "scraper-vZ8Kq2Wm5Yt1Xc4Rb7Nd0Lf3", "scraper-Pq9Ws2Ed5Rf8Tg1Yh4Uj7Ik0"


@pytest.fixture
def config(config):
    return replace(config, metrics_tokens=(TOKEN, NEXT))


def ask(app, path, *, host="10.0.0.7:8000", address="198.51.100.9", **headers):
    client = app.test_client()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, base_url=f"http://{host}", headers=named, environ_base={"REMOTE_ADDR": address})


def figures(app):
    """Return every sample by its name and labels."""
    answer = ask(app, "/metrics", Authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def of(found, name, **labels):
    return found[name, *sorted(labels.items())]


@pytest.fixture
def nowhere(config, ctx):
    """A portal whose database never answered, as it is at its start: not even the time is known."""
    db = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/portal")
    app = create_app(config, replace(ctx, db=db))
    db.follow_clock()
    yield app
    clock.follow(None)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer é",
        "Bearer \xff",
    ],
)
def test_figures_are_for_who_shows_a_token(app, header):
    answer = ask(app, "/metrics", **({"Authorization": header} if header is not None else {}))
    assert (answer.status_code, answer.data) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", [TOKEN, NEXT])
def test_any_of_the_tokens_will_do_so_that_one_can_be_changed(app, token):
    assert ask(app, "/metrics", Authorization=f"bearer  {token}").status_code == 200


def test_without_a_token_in_the_settings_there_are_no_figures(app, config):
    app.extensions["portal_config"] = replace(config, metrics_tokens=())
    for header in ("Bearer ", f"Bearer {TOKEN}", "Bearer"):
        assert ask(app, "/metrics", host="portal.test", Authorization=header).status_code == 404
        assert ask(app, "/readyz", Authorization=header).get_json() == {"status": "ready"}


def test_a_process_that_answers_is_alive_whatever_its_database_does(app, nowhere):
    for one in (app, nowhere):
        answer = ask(one, "/livez")
        assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})
        assert not answer.headers.getlist("Set-Cookie")


def test_ready_needs_no_worker(app):
    assert (ask(app, "/healthz").status_code, ask(app, "/readyz").status_code) == (503, 200)


WHY = [("read", READ_ONLY), ("disk", FULL)]


@pytest.mark.parametrize(("word", "harm"), WHY)
def test_a_portal_that_cannot_write_is_not_ready_and_says_why_to_its_operator_alone(app, ctx, word, harm):
    with ctx.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(harm.format(conninfo_to_dict(ctx.db.url)["dbname"])))
    ctx.db.dispose()
    stranger = ask(app, "/readyz")
    assert (stranger.status_code, stranger.get_json()) == (503, {"status": "not ready"})
    (why,) = ask(app, "/readyz", Authorization=f"Bearer {TOKEN}").get_json()["reasons"]
    assert word in why


def test_a_database_that_is_away_is_not_ready(nowhere):
    assert ask(nowhere, "/readyz").get_json() == {"status": "not ready"}
    assert ask(nowhere, "/readyz", address="127.0.0.1").get_json()["reasons"] == ["the database does not answer"]


@pytest.mark.parametrize(
    ("address", "headers", "is_told"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("127.0.0.1", {"X_Forwarded_For": "127.0.0.1"}, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"Via": "1.1 proxy"}, False),
        ("198.51.100.9", {}, False),
        ("10.0.0.1", {}, False),
        ("198.51.100.9", {"Authorization": f"Bearer {NEXT}"}, True),
    ],
)
def test_reasons_are_for_this_machine_and_for_a_token_never_through_a_proxy(app, address, headers, is_told):
    told = ask(app, "/readyz", address=address, **headers).get_json()
    assert ("reasons" in told) is is_told


def test_a_visitor_behind_a_trusted_proxy_is_not_at_this_machine(config, ctx):
    app = create_app(replace(config, trusted_proxies=1), ctx)
    told = ask(app, "/readyz", address="127.0.0.1", X_Forwarded_For="198.51.100.9").get_json()
    assert told == {"status": "ready"}
    forged = ask(app, "/readyz", address="127.0.0.1", X_Forwarded_For="127.0.0.1").get_json()
    assert forged == {"status": "ready"}


def test_figures_without_a_database_are_those_of_the_process_and_that_it_is_away(nowhere):
    ask(nowhere, "/livez")
    found = figures(nowhere)
    assert of(found, "portal_database_writable") == 0
    assert {value for (name, *_), value in found.items() if name == "portal_figures_up"} == {0}
    assert of(found, "portal_http_requests_total", method="GET", route="/livez", status="200") >= 1


def test_routes_are_told_by_their_rule_and_what_strangers_type_not_at_all(app):
    before = figures(app)
    for path in ("/account/nobody-i-know/login", "/claire@client.test", f"/webhooks/paypal/{'x' * 43}", "/v1/nothing"):
        ask(app, path, host="portal.test")
    app.test_client().open("/livez", method="SMUGGLE", base_url="http://portal.test")
    app.extensions.pop("portal_figures")
    new = {key for key, value in figures(app).items() if before.get(key) != value and key[0].startswith("portal_http")}
    assert "nobody-i-know" not in str(new)
    assert "claire" not in str(new)
    routes = {dict(labels)["route"] for name, *labels in new if name == "portal_http_requests_total"}
    assert routes == {"/metrics", "/account/<merchant_slug>/login", "none"}
    assert {dict(labels)["method"] for _name, *labels in new} <= {"GET", "other"}


def test_what_is_open_is_told_with_its_age_and_to_whom_it_is_up(app, ctx, make):
    merchant = make.merchant()
    now = utc_now()
    rows = [
        (RequestState.RECORDED, now - timedelta(hours=2), None),
        (RequestState.RETRYING, now - timedelta(hours=3), None),
        (RequestState.NEEDS_MERCHANT, now - timedelta(days=4), None),
        (RequestState.RECORDED, now - timedelta(days=30), now + timedelta(days=2)),  # planned: nobody waits yet
        (RequestState.CONFIRMED, now - timedelta(days=300), None),
    ]
    for state, created_at, due_at in rows:
        subscription = make.subscription(merchant=merchant)
        confirmed = created_at if state is RequestState.CONFIRMED else None
        make_request(make, subscription, created_at, state=state, due_at=due_at, confirmed_at=confirmed)
    found = figures(app)
    assert of(found, "portal_requests_open", kind="end", state="recorded") == 2
    assert of(found, "portal_requests_open", kind="end", state="retrying") == 1
    assert of(found, "portal_requests_open", kind="end", state="calling") == 0
    assert of(found, "portal_requests_open", kind="refund", state="pending") == 0
    oldest = of(found, "portal_request_oldest_seconds", kind="end", waits_for="portal")
    assert oldest == pytest.approx(3 * 3600, abs=120)
    waits = of(found, "portal_request_oldest_seconds", kind="end", waits_for="merchant")
    assert waits == pytest.approx(4 * 86400, abs=120)
    assert of(found, "portal_request_oldest_seconds", kind="pause", waits_for="portal") == 0


JOB = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args, status, scheduled_at)
    VALUES ('default', 'mails.send', :rank, '{}', CAST(:status AS procrastinate_job_status),
            now() + CAST(:due AS interval))
"""


def test_jobs_are_told_by_rank_once_they_are_due(app, ctx):
    rows = [(20, "todo", "-5 minutes"), (20, "todo", "-1 minute"), (20, "todo", "1 day"), (0, "todo", None),
            (3, "todo", "-30 seconds"), (30, "succeeded", "-9 days")]  # fmt: skip
    with ctx.db.begin() as session:
        for rank, status, due in rows:
            session.execute(text(JOB), {"rank": rank, "status": status, "due": due})
        session.execute(text("UPDATE procrastinate_events SET at = now() - interval '7 minutes'"))
    found = figures(app)
    told = {rank: of(found, "portal_jobs_due", rank=rank) for rank in ("housekeeping", "awaited", "first", "last")}
    assert told == {"housekeeping": 0, "awaited": 0, "first": 2, "last": 2}
    assert of(found, "portal_job_overdue_seconds", rank="first") == pytest.approx(300, abs=30)
    assert of(found, "portal_job_overdue_seconds", rank="last") == pytest.approx(420, abs=30)
    assert of(found, "portal_job_overdue_seconds", rank="next") == 0


def test_a_worker_that_is_away_is_told_and_so_is_one_that_never_was(app, ctx):
    assert of(figures(app), "portal_worker_silence_seconds") == float("inf")
    worker(ctx, 90)
    app.extensions.pop("portal_figures")
    assert of(figures(app), "portal_worker_silence_seconds") == pytest.approx(90, abs=30)


def test_figures_of_the_database_are_asked_for_once_in_a_while(app, ctx):
    worker(ctx, 5)
    first = of(figures(app), "portal_worker_silence_seconds")
    assert [of(figures(app), "portal_worker_silence_seconds") for _ in range(3)] == [first] * 3


def test_one_group_that_cannot_be_read_hides_no_other(app, ctx):
    with ctx.db.begin() as session:
        session.execute(text("ALTER TABLE mails RENAME TO mail_rows"))
    found = figures(app)
    assert of(found, "portal_figures_up", group="mails") == 0
    assert of(found, "portal_figures_up", group="jobs") == 1
    assert not any(name == "portal_mails_kept" for name, *_ in found)
    assert of(found, "portal_database_writable") == 1


def test_labels_hold_words_of_the_code_alone(app, make):
    merchant = make.merchant()
    make.subscription(merchant=merchant)
    Browser(app).get(f"/account/{merchant.slug}/login")
    said = ask(app, "/metrics", Authorization=f"Bearer {TOKEN}").text
    assert merchant.slug not in said
    assert merchant.name not in said
    assert str(merchant.id) not in said
    for family in text_string_to_metric_families(said):
        for sample in family.samples:
            for value in sample.labels.values():
                assert not UUID.search(value), (sample.name, value)
