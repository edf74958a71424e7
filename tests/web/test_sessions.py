"""One's own sessions, listed and ended by their owner (issue 2; ASVS 7.5.2)."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from portal.models import LoginSession


def sessions(merchant) -> str:
    return f"/account/{merchant.slug}/sessions"


def test_a_customer_sees_both_browsers_and_ends_the_other(browser, other_browser, make, log_in_customer):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    log_in_customer(other_browser, merchant, customer)
    log_in_customer(browser, merchant, customer)

    page = browser.get(sessions(merchant))
    assert [card.h2.get_text() for card in page.select("article")] == [
        "Firefox · Linux (this browser)",
        "Unknown browser",
    ]
    assert "198.51.100.0/24" in page.text
    assert "198.51.100.9" not in page.body
    page = page.submit(press="End this session")
    assert len(page.select("article")) == 1
    assert "/login" in other_browser.get(sessions(merchant)).path


def test_a_button_is_only_spoken_of_where_there_is_one(browser, other_browser, make, log_in_customer):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    log_in_customer(browser, merchant, customer)
    assert "end its session" not in browser.get(sessions(merchant)).text
    log_in_customer(other_browser, merchant, customer)
    assert "end its session" in browser.get(sessions(merchant)).text


def test_all_other_sessions_end_at_once_and_this_one_stays(browser, other_browser, app, make, log_in_customer):
    from tests.browser_client import Browser

    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    for one in (other_browser, Browser(app), browser):
        log_in_customer(one, merchant, customer)
    page = browser.get(sessions(merchant)).submit(press="End all other sessions")
    assert page.path == sessions(merchant)
    assert len(page.select("article")) == 1
    assert page.notices == ["2 other sessions have ended."]


def test_a_foreign_session_and_an_unknown_one_are_the_same_404(browser, other_browser, make, log_in_customer, ctx):
    merchant = make.merchant(locale="en")
    log_in_customer(other_browser, merchant, make.customer(merchant))
    with ctx.db.read() as session:
        theirs = session.scalars(select(LoginSession.id)).one()
    log_in_customer(browser, merchant, make.customer(merchant))
    token = browser.values_of(browser.get(sessions(merchant)))["csrf_token"]

    foreign = browser.post(f"{sessions(merchant)}/{theirs}/end", {"csrf_token": token}, status=404)
    unknown = browser.post(f"{sessions(merchant)}/{uuid.uuid4()}/end", {"csrf_token": token}, status=404)

    assert foreign.text == unknown.text
    assert other_browser.get(sessions(merchant)).path == sessions(merchant)


def test_staff_see_their_own_sessions_only(browser, other_browser, make, hire, log_in_staff):
    merchant = make.merchant(locale="en")
    log_in_staff(other_browser, hire(merchant, email="max@atelier.test"))
    log_in_staff(browser, hire(merchant, email="lea@atelier.test"))
    page = browser.get("/admin/sessions")
    assert len(page.select("article")) == 1


def test_using_a_session_is_written_at_most_once_a_minute(browser, make, log_in_customer, ctx):
    import time_machine
    from sqlalchemy import event

    merchant = make.merchant(locale="en")
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        log_in_customer(browser, merchant, make.customer(merchant))
        commits = []
        event.listen(ctx.db.engine, "commit", commits.append)
        for second in (20, 20, 19):
            clock.shift(second)
            browser.get(sessions(merchant))
        assert commits == []
        clock.shift(1)
        browser.get(sessions(merchant))
        browser.get(sessions(merchant))
        assert len(commits) == 1


def test_the_guard_costs_one_statement(browser, make, log_in_customer, ctx):
    from sqlalchemy import event

    merchant = make.merchant(locale="en")
    log_in_customer(browser, merchant, make.customer(merchant))
    statements = []
    event.listen(ctx.db.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    browser.get(sessions(merchant))
    assert len(statements) == 2  # who is it, and the list itself


def test_a_browser_of_the_same_network_is_said_to_be_so(
    app, browser, other_browser, make, seat_customer, log_in_customer
):
    from tests.browser_client import Browser

    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    for one in (Browser(app, address="192.0.2.200"), other_browser, browser):
        log_in_customer(one, merchant, customer)
    page = browser.get(sessions(merchant))
    said = ["the same as this browser’s" in card.get_text() for card in page.select("article")]
    assert said == [False, False, True]
    assert [link["href"] for link in page.select("nav a") if link["href"].endswith("/profile")]
