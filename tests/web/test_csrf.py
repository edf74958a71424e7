"""Forged requests do not act; an old form loses nothing (issue 2; law.md R-AC-8)."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import time_machine
from flask import Blueprint, g, request, session
from flask.sessions import SecureCookieSessionInterface

from portal import create_app
from portal.clock import utc_now
from portal.domain.policies import Role
from portal.models import Merchant
from portal.queries.people.people import Kind, Person
from portal.web import access, drafts, identity
from portal.web.csrf import EXEMPT, UnprotectedCommit
from tests.browser_client import Browser
from tests.route_values import page_of
from tests.web.conftest import row_counts


def login(merchant) -> str:
    return f"/account/{merchant.slug}/login"


@pytest.fixture
def both_faces(browser, make, hire, log_in_staff, log_in_customer):
    """A browser where an owner and a customer of the same merchant are logged in."""
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    log_in_staff(browser, hire(merchant))
    log_in_customer(browser, merchant, customer)
    return merchant, customer


@pytest.mark.parametrize("token", [None, "", "forged", "ImZvcmdlZCI.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"])
def test_a_form_whose_token_is_wrong_is_shown_again_filled_in(browser, make, token, ctx):
    merchant = make.merchant(locale="en")
    data = {"email": "claire@client.test"} | ({"csrf_token": token} if token is not None else {})
    page = browser.post(login(merchant), data, status=422)
    assert page.errors == ["This page was open for too long. Nothing was changed. Check it and send it again."]
    assert page.values(page.form(having=("email",)))["email"] == "claire@client.test"
    assert row_counts(ctx)["login_challenges"] == 0
    assert page.submit().path == login(merchant) + "/code"  # sent again as it stands


@pytest.mark.law("R-AC-8")
def test_a_form_does_not_run_out_while_somebody_reads(browser, make):
    merchant = make.merchant()
    page = browser.get(login(merchant))
    with time_machine.travel(utc_now() + timedelta(hours=20), tick=False):
        page.submit(email="claire@client.test")


def test_a_token_of_another_browser_is_worth_nothing(browser, other_browser, make):
    merchant = make.merchant()
    stolen = other_browser.values_of(other_browser.get(login(merchant)))["csrf_token"]
    browser.get(login(merchant))
    browser.post(login(merchant), {"email": "claire@client.test", "csrf_token": stolen}, status=422)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_sent_from_another_site_is_refused_even_with_a_token(browser, make, site, ctx):
    merchant = make.merchant()
    token = browser.values_of(browser.get(login(merchant)))["csrf_token"]
    data = {"email": make.customer(merchant).email, "csrf_token": token}
    browser.post(login(merchant), data, status=403, Sec_Fetch_Site=site)
    assert row_counts(ctx)["login_challenges"] == 0
    browser.post(login(merchant), data, status=303, Sec_Fetch_Site="same-origin")


def test_another_site_is_refused_first_whatever_it_sends_and_whoever_asks(app, browser, make):
    """Before the guard, whose answer for a visitor without a session keeps what was sent."""
    slug = make.merchant().slug
    tried = 0
    for rule in app.url_map.iter_rules():
        if "POST" not in rule.methods or rule.endpoint in EXEMPT:
            continue
        values = dict.fromkeys(rule.arguments, "00000000-0000-0000-0000-000000000000")
        values |= page_of(rule) | ({"merchant_slug": slug} if "merchant_slug" in values else {})
        path = app.url_map.bind("portal.test").build(rule.endpoint, values)
        browser.post(path, {"support_email": "mallory@evil.test"}, status=403, Sec_Fetch_Site="cross-site")
        browser.post(path, {"support_email": "mallory@evil.test"}, status=403, Origin="https://evil.test")
        tried += 1
    assert tried >= 40
    assert browser.cookie("portal") is None or "draft" not in signed(browser)


def signed(browser) -> dict:
    """What the signed cookie of the browser holds."""
    return SecureCookieSessionInterface().get_signing_serializer(browser.app).loads(browser.cookie("portal"))


FORGED = {"support_email": "mallory@evil.test", "site_url": "https://evil.test"}


@pytest.mark.parametrize("said", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}, {}])
def test_what_a_foreign_page_sends_never_waits_in_the_form(browser, make, hire, log_in_staff, said):
    """The cookies stay at home (SameSite=Lax), the answer's are kept: so a page without a log-in takes them."""
    merchant = make.merchant(locale="en")
    new = hire(merchant)
    browser.client.post("/admin/settings/addresses", data=FORGED, headers=said, base_url=browser.base_url)
    log_in_staff(browser, new)
    page = browser.get("/admin/settings/addresses")
    assert page.values(page.form(having=("site_url",)))["support_email"] == merchant.support_email
    assert "mallory@evil.test" not in page.body


def test_a_draft_comes_back_to_the_one_who_typed_it_and_the_page_says_so(
    browser, make, hire, log_in_staff, other_browser
):
    merchant, other = make.merchant(locale="en"), make.merchant(locale="en")
    typist, colleague = hire(merchant), hire(merchant, email="noe@atelier.test")
    stranger = hire(other, email="ines@atelier.test")
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        for successor, gets_it in ((colleague, False), (stranger, False), (typist, True)):
            log_in_staff(browser, typist)
            page = browser.get("/admin/settings/face")
            clock.shift(timedelta(hours=13))
            page.submit(press="Publish", name="Atelier typed", status=401)
            log_in_staff(browser, successor, at="/admin/login?next=/admin/settings/face")
            page = browser.get("/admin/settings/face")
            typed = page.values(page.form(having=("accent",)))["name"]
            assert (typed == "Atelier typed", "Draft restored" in page.text) == (gets_it, gets_it)
            browser.get("/admin").submit(press="Log out")
            clock.shift(timedelta(minutes=20))  # each code of an authenticator opens once, five tries a quarter


def test_what_only_takes_post_refuses_without_a_token(app, both_faces, browser, ctx):
    merchant, _customer = both_faces
    before = row_counts(ctx)
    tried = 0
    for rule in app.url_map.iter_rules():
        same = [other for other in app.url_map.iter_rules(rule.endpoint) if "GET" in other.methods]
        if "POST" not in rule.methods or same or rule.endpoint in EXEMPT:  # signed: test_webhooks.py
            continue
        values = dict.fromkeys(rule.arguments, "00000000-0000-0000-0000-000000000000")
        if "merchant_slug" in values:
            values["merchant_slug"] = merchant.slug
        path = app.url_map.bind("portal.test").build(rule.endpoint, values)
        browser.post(path, {"anything": "typed"}, status=400)
        tried += 1
    assert tried >= 6
    assert row_counts(ctx) == before


def test_every_page_with_a_form_changes_nothing_without_a_token(app, both_faces, browser, make, ctx):
    merchant, customer = both_faces
    subscription = make.subscription(merchant=merchant, customer=customer)
    known = {
        "merchant_slug": merchant.slug,
        "subscription_id": str(subscription.id),
        "product_id": str(subscription.product_id),
        "action": "cancel",
        "kind": "pause",
        "reference": "ZZZZ-ZZZZ",
        "token": "unknown",
    }
    before = row_counts(ctx)
    tried = 0
    for rule in app.url_map.iter_rules():
        if not {"GET", "POST"} <= rule.methods:
            continue
        made_up = {name: str(uuid.uuid4()) for name in rule.arguments - known.keys()}
        values = {name: value for name, value in known.items() if name in rule.arguments} | made_up | page_of(rule)
        path = app.url_map.bind("portal.test").build(rule.endpoint, values)
        response = browser.client.post(path, data={"name": "typed", "reason": ""}, base_url=browser.base_url)
        assert response.status_code in (303, 404, 409, 410, 422), (path, response.status_code)
        tried += response.status_code != 404  # what there is nothing of has no form either
    assert tried >= 20
    assert row_counts(ctx) == before


def test_a_view_that_forgets_its_form_cannot_commit(config, ctx, make, monkeypatch):
    """Closed by default: even a careless page changes nothing without a token."""
    merchant = make.merchant()
    monkeypatch.setattr(access, "ACCESS", {**access.ACCESS, "careless.rename": access.PUBLIC})
    careless = Blueprint("careless", __name__)

    @careless.route("/careless", methods=["GET", "POST"])
    def rename():
        with identity.context().db.begin() as database:
            database.get(Merchant, merchant.id).name = request.form.get("name", "")
        return "done"

    app = create_app(config, ctx)
    app.register_blueprint(careless)
    browser = Browser(app)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    del app.error_handler_spec[None][None][Exception]
    with pytest.raises(UnprotectedCommit):
        browser.client.post("/careless", data={"name": "Volé"}, base_url=browser.base_url)
    with ctx.db.read() as database:
        assert database.get(Merchant, merchant.id).name == merchant.name

    token = browser.values_of(browser.get("/accessibility"))["csrf_token"]
    answer = browser.client.post("/careless", data={"name": "Ours", "csrf_token": token}, base_url=browser.base_url)
    assert answer.status_code == 200


@pytest.mark.law("R-AC-8")
def test_a_session_that_ended_while_typing_loses_nothing(browser, make, log_in_customer, code_and_link):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    subscription = make.subscription(merchant=merchant, customer=customer)
    path = f"/account/{merchant.slug}/subscriptions/{subscription.id}/cancellation"
    typed = "J’ai déménagé.\nMerci pour tout, « à bientôt » ! שלום"
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        log_in_customer(browser, merchant, customer)
        page = browser.get(path)
        clock.shift(timedelta(hours=3))

        page = page.submit(press="Cancel now", comment=typed, on="2026-11-25", status=401)
        assert "Your session ended. Nothing was changed." in page.text
        assert make.requests(subscription) == []

        page = page.follow("Log in again")
        page = page.submit(email=customer.email).submit(code=code_and_link()[0])
        assert page.path == path
        assert "Draft restored" in page.text
        kept = page.values(page.form(having=("comment",)))
        assert (kept["comment"], kept["on"], kept["shown_for"]) == (typed, "2026-11-25", "2026-11-25"), "never at once"
        assert "Cancel now" not in page.text
        page.submit(press="Cancel on 25 November 2026", follow=False, status=303)
    assert [request.reason_text for request in make.requests(subscription)] == [typed]
    assert browser.get("/accessibility")
    assert "draft" not in signed(browser)


def test_what_a_tab_sends_after_a_log_out_in_another_waits_for_its_author(browser, make, log_in_customer):
    merchant = make.merchant(locale="en")
    customer, stranger = make.customer(merchant), make.customer(merchant)
    subscription = make.subscription(merchant=merchant, customer=customer)
    path = f"/account/{merchant.slug}/subscriptions/{subscription.id}/cancellation"
    for successor, gets_it in ((customer, True), (stranger, False)):
        log_in_customer(browser, merchant, customer)
        tab = browser.get(path)
        browser.get(f"/account/{merchant.slug}").submit(press="Log out")
        assert "draft" not in signed(browser)
        page = tab.submit(press="Cancel now", comment="We have moved", status=401)
        assert "We have moved" not in page.link("Log in again")
        log_in_customer(browser, merchant, successor)
        if gets_it:
            kept = browser.get(path)
            assert kept.values(kept.form(having=("comment",)))["comment"] == "We have moved"
        browser.get(path, status=200 if gets_it else 404)
        assert ("draft" in signed(browser)) is gets_it
        browser.get(f"/account/{merchant.slug}").submit(press="Log out")
    assert make.requests(subscription) == []


def somebody() -> Person:
    """A member of staff, as the pages know one."""
    long_ago = utc_now()
    return Person(
        kind=Kind.STAFF,
        id=uuid.uuid4(),
        merchant_id=uuid.uuid4(),
        name="Léa",
        email=None,
        role=Role.OWNER,
        session_id=uuid.uuid4(),
        authenticated_at=long_ago,
        last_seen_at=long_ago,
        locale=None,
    )


def test_what_is_typed_secretly_is_never_kept(app):
    sent = {"client_id": "AY7", "client_secret": "s3cret", "password": "p4ss", "code": "123456", "csrf_token": "t"}
    sent["api_signature"] = "s1gn"
    with app.test_request_context("/admin/paypal", method="POST", data=sent):
        g.person, g.merchant_slug = somebody(), None
        drafts.keep("/admin/paypal")
        assert session["draft"]["fields"] == {"client_id": ["AY7"]}


def test_a_text_too_long_for_a_cookie_does_not_break_the_others(app):
    with app.test_request_context("/x", method="POST", data={"note": "é" * 3000, "name": "Claire"}):
        g.person, g.merchant_slug = somebody(), None
        drafts.keep("/x")
        assert session["draft"]["fields"] == {"name": ["Claire"]}
