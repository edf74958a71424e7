"""What a person is told while another transaction holds the row they need, and when every connection is taken."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from portal import create_app
from portal.cli.context import context
from portal.extensions import WEB, WORK, Database, Patience
from tests.web.customer.conftest import CANCEL, log_in, visit  # noqa: F401 - its people

HASTY = Patience(lock=0.1, statement=1, pool=0)


@contextmanager
def held(url, subscription):
    """Hold its row as a transaction that hangs does; the server lets go after a while, so that nothing hangs here."""
    with psycopg.connect(url) as connection:
        connection.execute("SET idle_in_transaction_session_timeout = '20s'")
        connection.execute("SELECT 1 FROM subscriptions WHERE id = %s FOR UPDATE", [subscription.id])
        yield
        connection.rollback()


@pytest.fixture
def hasty(ctx):
    """The context of a portal with next to no patience."""
    database = Database(ctx.db.url, pool_size=1, patience=HASTY)
    yield replace(ctx, db=database)
    database.dispose()


@pytest.fixture
def app(config, hasty, compiled_templates):
    app = create_app(config, hasty)
    app.jinja_env.bytecode_cache = compiled_templates
    return app


def test_a_held_row_is_not_waited_for_and_the_button_sends_the_wish_again(visit, make, database_url, paypal):  # noqa: F811
    subscription = make.subscription(customer=visit.customer)
    recap = visit.recap(subscription)
    with held(database_url, subscription):
        page = recap.submit(press=CANCEL, reason="not_used", comment="Merci <b>", status=503)
    assert page.h1 == "Your request was not recorded"
    assert int(page.response.headers["Retry-After"]) > 0
    assert make.requests(subscription) == []
    assert not [call for call in paypal.calls if call.operation == "cancel"]

    done = page.submit(press="Send it again")

    (request,) = make.requests(subscription)
    assert (request.reason_code, request.reason_text) == ("not_used", "Merci <b>")
    assert request.reference in done.text
    assert paypal.subscriptions[subscription.provider_id].status == "CANCELLED"


def test_what_a_page_must_not_repeat_is_sent_again_by_the_person_alone(app, hasty, database_url, monkeypatch, browser):
    def busy(**_values):
        with hasty.db.begin() as session:
            session.execute(text("SELECT pg_sleep(60)"))

    monkeypatch.setitem(app.view_functions, "auth.staff_login", busy)
    login = browser.get("/accessibility")
    token = browser.values_of(login)["csrf_token"]
    sent = {"csrf_token": token, "email": "lea@atelier.test", "password": "un tiroir plein de mots"}
    page = browser.post("/admin/login", sent, status=503)
    assert "un tiroir" not in page.body
    assert [form["action"] for form in page.select("main form")] == []
    assert "away" not in page.h1


def test_a_form_of_which_something_may_stay_is_not_called_unrecorded(app, hasty, monkeypatch, browser):
    def half(**_values):
        with hasty.db.begin() as session:
            session.execute(text("SELECT 1"))
        with hasty.db.begin() as session:
            session.execute(text("SELECT pg_sleep(60)"))

    monkeypatch.setitem(app.view_functions, "public.language", half)
    token = browser.values_of(browser.get("/accessibility"))["csrf_token"]
    page = browser.post("/language", {"csrf_token": token, "language": "en"}, status=503, Accept_Language="en")
    assert page.h1 == "We are briefly unavailable"


def test_a_full_pool_answers_at_once(visit, hasty, make):  # noqa: F811
    subscription = make.subscription(customer=visit.customer)
    recap = visit.recap(subscription)
    with hasty.db.begin() as one, hasty.db.begin() as two:  # a pool of one, and one over it
        one.execute(text("SELECT 1"))
        two.execute(text("SELECT 1"))
        assert visit.browser.get(visit.home, status=503).h1 == "We are briefly unavailable"
        assert recap.submit(press=CANCEL, status=503).h1 == "Your request was not recorded"
    assert make.requests(subscription) == []


@pytest.mark.parametrize(("patience", "lock", "statement"), [(WEB, "3s", "5s"), (WORK, "30s", "5min")])
def test_the_database_itself_ends_the_wait(database_url, patience, lock, statement):
    database = Database(database_url, patience=patience)
    with database.read() as session:
        assert session.scalar(text("SHOW lock_timeout")) == lock
        assert session.scalar(text("SHOW statement_timeout")) == statement
    database.dispose()


def test_commands_and_the_worker_have_more_patience_than_a_page(app):
    with app.app_context():
        assert app.extensions["portal"].db.patience == HASTY
        assert context().db.patience == WORK
        assert context().db is context().db
        context().db.dispose()
