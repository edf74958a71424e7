"""What static/js/comfort.js spares: a press for the code, a press to look again, a copy by hand. In a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from config import Config
from portal.models import Customer, Mail
from portal.services.context import Context
from tests.e2e.conftest import NewVisitor
from tests.e2e.serving import served
from tests.e2e.visitor import NARROW, Visitor
from tests.services.carrying.carried import ask, carry
from tests.waiting_mails import said
from tests.web.conftest import config  # noqa: F401 - the fixtures of the web tests serve here too


@pytest.fixture
def address(config: Config, ctx: Context) -> Iterator[str]:  # noqa: F811
    with served(config, ctx) as there:
        yield there


@pytest.fixture
def zoe(make) -> Customer:
    return make.customer(make.merchant(name="L’Atelier", slug="atelier", locale="en"), email="zoe@client.test")


def code_of(ctx: Context) -> str:
    with ctx.db.read() as session:
        newest = session.scalars(select(Mail).where(Mail.kind == "login_code").order_by(Mail.created_at.desc())).first()
        assert newest is not None
        found = re.search(r"(?<!\d)\d{6}(?!\d)", said(ctx, newest).text)
    assert found is not None
    return found[0]


@pytest.fixture
def logged_in(address: str, ctx: Context, zoe: Customer, new_visitor: NewVisitor) -> Visitor:
    """She types her code, and presses nothing."""
    who = new_visitor("zoe", locale="en", size=NARROW, scripts=True)
    who.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    who.open(f"{address}/account/atelier/login")
    who.type("Your email address", zoe.email or "")
    who.press("button", "Send me a code")
    field = who.page.locator("input[name=code]")
    assert field.evaluate("field => field === document.activeElement")
    assert who.page.get_by_text("sent by itself").is_visible(), "who types is told before (WCAG 3.2.2)"
    with who.page.expect_navigation():
        field.press_sequentially(code_of(ctx))
    return who


def test_a_whole_code_sends_itself_once(address: str, logged_in: Visitor) -> None:
    assert logged_in.path == "/account/atelier/"
    assert logged_in.problems == []


def test_a_wrong_code_is_corrected_and_sent_by_hand(
    address: str, ctx: Context, zoe: Customer, new_visitor: NewVisitor
) -> None:
    who = new_visitor("zoe", locale="en", size=NARROW, scripts=True)
    who.open(f"{address}/account/atelier/login")
    who.type("Your email address", zoe.email or "")
    who.press("button", "Send me a code")
    with who.page.expect_navigation():
        who.page.locator("input[name=code]").press_sequentially("000000" if code_of(ctx) != "000000" else "111111")
    who.page.locator("input[name=code]").fill(code_of(ctx))
    assert who.path == "/account/atelier/login/code", "five tries are soon used up: now one presses"


@pytest.mark.law("R-AC-8")
def test_who_reads_a_page_that_waits_can_stop_it(address: str, ctx: Context, make, zoe: Customer, logged_in: Visitor):
    ask(ctx, make, subscription := make.subscription(customer=zoe))
    (request,) = make.requests(subscription)
    page = logged_in.page
    page.clock.install()
    logged_in.open(f"{address}/account/atelier/requests/{request.reference}")
    page.get_by_role("button", name="Stop refreshing by itself").click()
    assert page.get_by_role("status").filter(has_text="no longer refreshes by itself").count() == 1
    assert page.locator("[data-refresh] a").evaluate("link => link === document.activeElement"), "focus is not lost"
    page.evaluate("window.same = true")
    page.clock.run_for("10:00")
    page.wait_for_load_state()
    assert page.evaluate("window.same") is True
    page.reload()
    assert page.get_by_role("button", name="Stop refreshing by itself").count() == 0, "it stays stopped"


@pytest.mark.law("R-AC-8")
def test_who_types_for_long_is_told_before_the_session_ends_and_stays_by_one_press(
    address: str, logged_in: Visitor
) -> None:
    page = logged_in.page
    page.clock.install()
    logged_in.open(f"{address}/account/atelier/profile")
    page.locator("input[name=name]").fill("Zoé")
    page.clock.run_for("01:53:00")
    assert page.locator(".awake").inner_text() == ""
    page.clock.run_for("00:03:00")
    said = page.get_by_role("alert")
    assert "You will be logged out in a few minutes" in said.inner_text()
    with page.expect_response(lambda answer: answer.request.method == "HEAD" and answer.ok):
        said.get_by_role("button", name="Stay logged in").click()
    page.wait_for_function("document.querySelector('.awake').innerText === ''")
    assert page.locator("input[name=name]").input_value() == "Zoé"
    page.clock.run_for("01:56:00")
    assert "You will be logged out" in said.inner_text(), "as often as one likes"
    assert logged_in.problems == []


def test_a_page_that_waits_looks_again_until_paypal_has_confirmed(
    address: str, ctx: Context, make, zoe: Customer, logged_in: Visitor
) -> None:
    subscription = make.subscription(customer=zoe)
    request_id = ask(ctx, make, subscription)
    (request,) = make.requests(subscription)
    logged_in.open(f"{address}/account/atelier/requests/{request.reference}")
    before = logged_in.page.locator("h1").inner_text()
    carry(ctx, request_id)
    logged_in.page.wait_for_function("before => document.querySelector('h1').innerText !== before", arg=before)
    copy = logged_in.page.get_by_role("button", name="Copy")
    copy.click()
    logged_in.page.get_by_text("Copied.").wait_for()
    assert logged_in.page.evaluate("navigator.clipboard.readText()") == request.reference
    assert logged_in.problems == []
