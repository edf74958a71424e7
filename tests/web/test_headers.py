"""What every answer carries (issue 2, Security base; law.md 8.2)."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from portal import create_app
from tests.browser_client import Browser
from tests.route_values import page_of

POLICY = {
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


def test_every_route_and_every_error_carries_the_headers(app, browser):
    for rule in app.url_map.iter_rules():
        values = {name: 2026 if name == "year" else str(uuid.UUID(int=0)) for name in rule.arguments}
        values |= page_of(rule)
        path = app.url_map.bind("portal.test").build(rule.endpoint, values, method=next(iter(rule.methods)))
        for method in ("GET", "POST", "HEAD", "DELETE", "OPTIONS"):
            response = browser.client.open(path, method=method, base_url=browser.base_url)
            headers = response.headers
            assert set(headers["Content-Security-Policy"].split("; ")) == POLICY, path
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")
            assert headers["Permissions-Policy"]
            assert headers["X-Request-Id"]
            if rule.endpoint not in ("static", "stylesheet", "public.signing_keys"):
                assert headers["Cache-Control"] == "no-store", path
            assert response.status_code < 500 or path in ("/healthz", "/readyz"), (path, response.status_code)


@pytest.mark.law("R-SE-2")
def test_only_https_promises_https(browser, https_app):
    assert "Strict-Transport-Security" not in browser.get("/accessibility").response.headers
    page = Browser(https_app, "https://portal.test").get("/accessibility")
    assert page.response.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.law("R-GD-8")
def test_cookies_are_host_only_and_secure_outside_the_demo(https_app, make, code_and_link, log_in_customer, ctx):
    merchant = make.merchant()
    browser = Browser(https_app, "https://portal.test")
    page = browser.submit(f"/account/{merchant.slug}/login", email=make.customer(merchant).email)
    answer = page.submit(code=code_and_link()[0], status=303, follow=False)
    cookies = answer.response.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-portal", "__Host-portal_customer"}
    for cookie in cookies:
        parts = {part.strip().lower() for part in cookie.split(";")}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
        assert not any(part.startswith("domain") for part in parts)


def test_the_session_cookie_of_the_browser_holds_no_person(browser, make, log_in_customer):
    from flask.sessions import SecureCookieSessionInterface

    merchant = make.merchant()
    customer = make.customer(merchant)
    log_in_customer(browser, merchant, customer)
    serializer = SecureCookieSessionInterface().get_signing_serializer(browser.app)
    held = serializer.loads(browser.cookie("portal") or "")
    assert str(customer.id) not in str(held)
    assert str(merchant.id) not in str(held)
    assert set(held) <= {"csrf_token", "language", "_flashes", "owners"}


def test_static_files_are_kept_long_only_under_their_version(browser):
    page = browser.get("/accessibility")
    href = page.select_one("link[rel=stylesheet]")["href"]
    assert "?v=" in href
    assert browser.get(href).response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for stale in (href.partition("?")[0], href + "0"):
        assert browser.get(stale).response.headers["Cache-Control"] == "no-cache"


def test_each_text_names_its_character_set(browser):
    page = browser.get("/accessibility")
    sheet = page.select_one("link[rel=stylesheet]")["href"]
    for path in ("/accessibility", sheet, "/static/js/comfort.js", "/nowhere"):
        with browser.client.get(path, base_url=browser.base_url) as answer:
            named = answer.headers["Content-Type"]
        assert named.startswith("text/"), (path, named)
        assert named.endswith("; charset=utf-8"), (path, named)


def test_a_request_id_comes_from_a_proxy_only_if_there_is_one(browser, config, ctx):
    given = "abc-123.DEF_456"
    assert browser.get("/accessibility", X_Request_Id=given).response.headers["X-Request-Id"] != given
    behind = Browser(create_app(replace(config, trusted_proxies=1), ctx))
    assert behind.get("/accessibility", X_Request_Id=given).response.headers["X-Request-Id"] == given
    for bad in ("short", "x" * 65, "a b c d e f g h", "évidemment"):
        assert behind.get("/accessibility", X_Request_Id=bad).response.headers["X-Request-Id"] != bad


def test_the_network_of_a_visitor_comes_from_a_proxy_only_if_there_is_one(config, ctx, make, log_in_customer):
    from sqlalchemy import select

    from portal.models import LoginSession

    merchant = make.merchant()
    networks = []
    for proxies in (0, 1):
        app = create_app(replace(config, trusted_proxies=proxies), ctx)
        browser = Browser(app, address="192.0.2.1")
        browser.client.environ_base["HTTP_X_FORWARDED_FOR"] = "2001:db8:1:2:3::4"
        log_in_customer(browser, merchant, make.customer(merchant))
        with ctx.db.read() as session:
            networks.append(
                session.scalars(select(LoginSession).order_by(LoginSession.created_at.desc())).first().network
            )
    assert networks == ["192.0.2.0/24", "2001:db8:1:2::/64"]


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host"])
def test_no_page_believes_a_host_header(browser, make, name):
    merchant = make.merchant()
    for path in ("/", f"/account/{merchant.slug}/login", "/admin/login", "/nowhere"):
        response = browser.client.get(path, headers={name: "evil.test"}, base_url=browser.base_url)
        assert b"evil.test" not in response.data
        assert "evil.test" not in str(response.headers.get("Location", ""))


@pytest.mark.law("R-GD-4")
def test_the_log_knows_the_request_and_no_secret(browser, make, log_in_customer, code_and_link, caplog):
    import logging

    merchant = make.merchant()
    customer = make.customer(merchant)
    caplog.set_level(logging.INFO)
    page = browser.submit(f"/account/{merchant.slug}/login", email=customer.email)
    code, link = code_and_link()
    browser.get(link)
    browser.client.get(link + "/more", base_url=browser.base_url)
    page.submit(code=code)
    lines = "\n".join(record.getMessage() for record in caplog.records)
    assert "request_id" in lines
    assert str(customer.id) in lines
    for secret in (code, link.rsplit("/", 1)[1], customer.email, browser.cookie("portal_customer")):
        assert secret not in lines


def test_no_folder_is_listed_and_trace_is_not_understood(browser):
    for folder in ("/static", "/static/", "/static/js/", "/static/css", "/css/", "/static/../"):
        assert browser.client.get(folder, base_url=browser.base_url).status_code == 404, folder
    for path in ("/", "/accessibility", "/static/js/comfort.js", "/healthz", "/v1/key"):
        headers = {"X-Secret": "repeat me"}
        answer = browser.client.open(path, method="TRACE", base_url=browser.base_url, headers=headers)
        assert answer.status_code in (404, 405), path
        assert "repeat me" not in answer.text
