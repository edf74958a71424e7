"""What goes wrong has a page: what happened, what is safe, what to do (issue 2)."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from portal import create_app
from portal.domain.errors import Denial, NotAllowed
from portal.domain.subscriptions import Action, IllegalTransition, Status
from portal.extensions import Database
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal
from portal.services.paypal.gateways import NoKey
from portal.services.throttles import TooManyTries
from portal.web import access, errors
from tests.browser_client import Browser
from tests.ports import free_port


@pytest.fixture
def lost(config, ctx) -> Browser:
    """A browser in front of a portal whose database does not answer."""
    nowhere = Database(f"postgresql://nobody:secret@127.0.0.1:{free_port()}/portal")
    return Browser(create_app(config, replace(ctx, db=nowhere)))


ASKING = ["/", "/account/atelier/", "/account/atelier/login", f"/account/a/subscriptions/{uuid.UUID(int=1)}"]


@pytest.mark.parametrize("path", ASKING)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_database_that_is_away_is_said_on_a_page(lost, path, language):
    page = lost.get(path, status=503, Accept_Language=language)
    assert page.language == language
    assert int(page.response.headers["Retry-After"]) > 0
    assert "secret" not in page.body


def test_the_desk_too_and_with_a_cookie(lost):
    lost.set_cookie("portal_staff", "anything")
    lost.get("/admin/sessions", status=503)
    lost.get("/admin/login", status=503)


def test_what_needs_no_database_still_answers(lost):
    lost.get("/accessibility")
    lost.get("/nowhere", status=404)
    lost.get("/css/customer.css")


def test_a_form_sent_while_the_database_is_away_is_answered(lost):
    token = lost.values_of(lost.get("/accessibility"))["csrf_token"]
    lost.post("/account/atelier/login", {"email": "claire@client.test", "csrf_token": token}, status=503)


def test_the_secret_of_the_database_is_in_no_log(lost, caplog):
    lost.get("/account/atelier/", status=503)
    assert "secret" not in caplog.text


RAISED = [
    (NotAllowed(Denial.SELF_CANCELLATION_OFF), 409, "cannot be cancelled online"),
    (NotAllowed(Denial.ROLE_TOO_LOW), 403, "does not have permission"),
    (IllegalTransition(Status.COMPLETED, Action.CANCEL), 409, "already completed"),
    (GatewayRefused(Refusal.FORBIDDEN, http_status=403, debug_id="f00d"), 502, "lacks a right"),
    (GatewayUnavailable("read timeout", debug_id="f00d"), 502, "is not answering"),
    (NoKey(), 409, "has not connected PayPal"),
    (ZeroDivisionError("secret detail"), 500, "What was already confirmed"),
]


@pytest.mark.parametrize(("raised", "status", "words"), RAISED, ids=lambda value: type(value).__name__)
def test_each_error_has_its_status_and_its_words(app, monkeypatch, raised, status, words):
    def fail():
        raise raised

    monkeypatch.setitem(app.view_functions, "public.accessibility", fail)
    page = Browser(app).get("/accessibility", status=status, Accept_Language="en")
    assert words in page.text
    assert "secret detail" not in page.body


def test_too_many_tries_say_how_long_to_wait(app, monkeypatch):
    from datetime import timedelta

    def fail():
        raise TooManyTries("x", timedelta(seconds=61))

    monkeypatch.setitem(app.view_functions, "public.accessibility", fail)
    page = Browser(app).get("/accessibility", status=429, Accept_Language="en")
    assert "2 minutes" in page.text
    assert page.response.headers["Retry-After"] == "61"


def test_too_many_mails_are_no_guesses_and_say_when_more_may_leave(app, monkeypatch):
    from datetime import timedelta

    for name in errors.OF_MAILS:

        def fail(name=name):
            raise TooManyTries(name, timedelta(hours=9))

        monkeypatch.setitem(app.view_functions, "public.accessibility", fail)
        page = Browser(app).get("/accessibility", status=429, Accept_Language="en")
        assert "tomorrow" in page.text
        assert "guess" not in page.text
        assert page.response.headers["Retry-After"] == "32400"


def test_every_reason_has_its_words():
    assert set(errors.DENIALS) == set(Denial)
    assert set(errors.STANDING) == set(Status)
    assert set(errors.REFUSALS) == set(Refusal)


def test_an_unexpected_error_gives_the_number_to_tell(app, monkeypatch):
    def fail():
        raise RuntimeError

    monkeypatch.setitem(app.view_functions, "public.accessibility", fail)
    page = Browser(app).get("/accessibility", status=500)
    assert page.response.headers["X-Request-Id"] in page.text


def test_methods_sizes_and_nonsense_have_pages_too(browser, make):
    merchant = make.merchant(locale="en")
    assert browser.get("/language", status=405).response.headers["Allow"]
    token = browser.values_of(browser.get("/accessibility"))["csrf_token"]
    browser.post("/language", {"csrf_token": token, "language": "x" * 1_100_000}, status=413)
    browser.post("/language", {"csrf_token": token, "language": "a\0b"}, status=400)
    browser.get("/accessibility?x=%00", status=400)
    browser.get("/account/%00/login", status=404)
    browser.get(f"/account/{merchant.slug}/login/link/%00", status=410)
    browser.get(f"/account/{merchant.slug}/subscriptions/not-an-id", status=404)


def test_a_foreign_page_and_an_unknown_one_are_the_same_and_leave_a_line(browser, make, log_in_customer, caplog):
    merchant = make.merchant(locale="en")
    theirs = make.subscription(merchant=merchant)
    customer = make.customer(merchant)
    log_in_customer(browser, merchant, customer)
    foreign = browser.get(f"/account/{merchant.slug}/subscriptions/{theirs.id}", status=404)
    unknown = browser.get(f"/account/{merchant.slug}/subscriptions/{uuid.uuid4()}", status=404)
    assert foreign.text == unknown.text
    lines = [record.getMessage() for record in caplog.records if "not_found" in record.getMessage()]
    assert len(lines) == 2
    assert str(customer.id) in lines[0]
    assert str(theirs.id) in lines[0]


def test_the_application_does_not_start_with_a_route_nobody_placed(config, ctx, monkeypatch):
    fewer = {name: line for name, line in access.ACCESS.items() if name != "customer.sessions"}
    monkeypatch.setattr(access, "ACCESS", fewer)
    with pytest.raises(RuntimeError, match=r"customer\.sessions"):
        create_app(config, ctx)


def test_a_page_for_customers_cannot_be_declared_public(config, ctx, monkeypatch):
    monkeypatch.setattr(access, "ACCESS", {**access.ACCESS, "customer.sessions": access.PUBLIC})
    with pytest.raises(RuntimeError, match=r"customer\.sessions"):
        create_app(config, ctx)


def test_an_error_has_the_menu_of_its_place_and_a_way_on(browser, hire, make, seat_staff, seat_customer):
    merchant = make.merchant(support_email="aide@atelier.test")
    desk = seat_staff(browser, hire(merchant)).get(f"/admin/subscriptions/{uuid.UUID(int=1)}", status=404)
    assert desk.soup.select_one(".spine nav a[href='/admin/products']") is not None
    assert "mailto:" not in desk.body, "nobody at the desk is told to write to themselves"
    home = f"/account/{merchant.slug}/"
    account = seat_customer(browser, merchant, make.customer(merchant)).get(f"{home}requests/nothing", status=404)
    assert account.soup.select_one("header nav a[href]")["href"] == home
    assert merchant.name in account.soup.select_one(".brand").text


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_that_was_mistyped_has_the_menu_of_its_face_too(app, hire, make, seat_staff, seat_customer, method):
    merchant, visitor = make.merchant(), Browser(app)
    home = f"/account/{merchant.slug}/"
    seat_customer(seat_staff(visitor, hire(merchant)), merchant, make.customer(merchant))
    desk = getattr(visitor, method)("/admin/nowhere", status=404)
    assert desk.soup.select_one(".spine nav a[href='/admin/products']") is not None
    account = getattr(visitor, method)(f"{home}nowhere", status=404)
    assert account.soup.select_one("header nav a[href]")["href"] == home
    stranger = getattr(Browser(app), method)(f"{home}nowhere", status=404)
    assert stranger.text == getattr(Browser(app), method)("/account/nobody/nowhere", status=404).text


@pytest.mark.parametrize(("path", "way"), [("/nowhere", "/"), ("/admin/nowhere", "/admin/subscriptions")])
def test_an_address_that_nothing_stands_at_has_a_way_on(browser, path, way):
    assert browser.get(path, status=404).soup.select_one("main a")["href"] == way
