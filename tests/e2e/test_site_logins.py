"""A customer logs in with the merchant's site, in a real browser, at the demo's website: there, back, out again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from werkzeug.serving import make_server

from config import Config
from portal.clock import utc_now
from portal.demo.pages import QuietHandler
from portal.demo.website import CLIENT, Website, make_app
from portal.domain.audit import PORTAL
from portal.domain.integrations.site_logins import Proof
from portal.providers.openid import OpenIdSites
from portal.services.context import Context
from portal.services.people import site_clients
from portal.services.people.site_clients import Wish
from tests.e2e.conftest import NewVisitor
from tests.e2e.serving import served
from tests.e2e.visitor import NARROW, Visitor
from tests.web.conftest import config  # noqa: F401 - the fixtures of the web tests serve here too


@pytest.fixture
def ctx(ctx: Context) -> Context:
    return replace(ctx, sites=OpenIdSites(allow_loopback=True))


@contextmanager
def website(portal: str) -> Iterator[str]:
    """The demo's website, on a free port."""
    server = make_server("127.0.0.1", 0, make_app(Website(portal)), threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def emma(config: Config, ctx: Context, make, new_visitor: NewVisitor) -> Iterator[Visitor]:  # noqa: F811
    """A customer at the page of the log-in."""
    studio = make.merchant(name="Studio Yoga", slug="studio", locale="en")
    make.customer(studio, email="emma@example.com", name="Emma")
    with served(config, ctx) as there, website(there) as site:
        at_site = {"issuer": site, "client_id": CLIENT[0], "secret": CLIENT[1], "label_fr": "", "label_en": ""}
        now, portal_ctx = utc_now(), replace(ctx, base_url=there)
        site_clients.save(portal_ctx, studio.id, Wish(proof=Proof.EMAIL, claim="", **at_site), by=PORTAL, now=now)
        site_clients.switch(portal_ctx, studio.id, on=True, by=PORTAL, now=now)
        yield new_visitor("emma", locale="en", size=NARROW).open(f"{there}/account/studio/login")


def test_there_and_back_and_out_again(emma: Visitor) -> None:
    with emma.page.expect_navigation():
        emma.page.get_by_role("link", name="Continue with Studio Yoga").click()
    assert emma.page.get_by_text("This website is simulated").is_visible()
    emma.press("button", "Log in")
    assert emma.path == "/account/studio/"
    emma.open(emma.page.url + "sessions")
    assert "Logged in with the Studio Yoga website" in " ".join(emma.text.split())
    emma.go(emma.page.locator("form[action$='/logout'] button"))
    emma.press("link", "Log out there too")
    assert emma.title == "You are logged out"
    emma.press("link", "Back to your subscriptions")
    emma.press("link", "Continue with %(site)s", site="Studio Yoga")
    assert emma.page.get_by_text("Who are you?").is_visible(), "the website has forgotten her too"
    assert emma.problems == []


def test_whoever_turns_back_at_the_website_may_use_a_code(emma: Visitor) -> None:
    with emma.page.expect_navigation():
        emma.page.get_by_role("link", name="Continue with Studio Yoga").click()
    emma.press("button", "Go back")
    assert emma.title == "You are not logged in yet"
    emma.press("link", "Log in by email")
    assert emma.path.startswith("/account/studio/login")


def test_who_is_no_customer_is_made_none(emma: Visitor) -> None:
    with emma.page.expect_navigation():
        emma.page.get_by_role("link", name="Continue with Studio Yoga").click()
    emma.page.get_by_label("somebody.else@example.com").check()
    emma.press("button", "Log in")
    assert "We found no subscription" in emma.text
