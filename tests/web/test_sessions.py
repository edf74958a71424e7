"""One's own sessions, listed and ended by their owner (issue 2; ASVS 7.5.2)."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from portal.models import LoginSession

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko)"


def sessions(merchant) -> str:
    return f"/account/{merchant.slug}/sessions"


def test_a_customer_sees_both_browsers_and_ends_the_other(browser, other_browser, make, log_in_customer):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    log_in_customer(other_browser, merchant, customer)
    log_in_customer(browser, merchant, customer)

    page = browser.get(sessions(merchant))
    assert [card.h2.get_text() for card in page.select("article")] == [
        "Firefox on Linux (this browser)",
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


def where(page) -> list[str]:
    return [
        card.find("dt", string="Where").find_next("dd").get_text(" ", strip=True) for card in page.select("article")
    ]


def test_where_one_is_logged_in_is_said_in_words_as_far_as_it_is_known(
    app, browser, other_browser, make, log_in_customer
):
    from tests.browser_client import Browser

    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    at_home, on_the_lan, by_ipv6 = (Browser(app, address=one) for one in ("192.0.2.200", "192.168.1.9", "2001:db8::5"))
    for one in (by_ipv6, on_the_lan, at_home, other_browser, browser):
        log_in_customer(one, merchant, customer)
    page = browser.get(sessions(merchant))
    assert where(page) == [
        "this device 192.0.2.0/24",
        "another network 198.51.100.0/24",
        "same network as you now 192.0.2.0/24",
        "a local network 192.168.1.0/24",
        "cannot be compared with your network 2001:db8::/64",
    ]
    assert "approximate" in page.text


def test_the_network_is_compared_with_the_one_of_now(app, browser, other_browser, make, log_in_customer):
    """Somebody who has gone from home to the office sees the session at the office as of the same network."""
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    for one in (other_browser, browser):
        log_in_customer(one, merchant, customer)
    browser.client.environ_base["REMOTE_ADDR"] = "198.51.100.77"
    assert where(browser.get(sessions(merchant))) == [
        "this device 192.0.2.0/24",
        "same network as you now 198.51.100.0/24",
    ]


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox sur Windows"),
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", "Safari sur iPhone"),
        (f"{IPHONE} CriOS/137.0.7151.51 Mobile/15E148 Safari/604.1", "Chrome sur iPhone"),
        (f"{IPHONE} FxiOS/139.0 Mobile/15E148 Safari/605.1.15", "Firefox sur iPhone"),
        (f"{ANDROID} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "Samsung Internet sur Android"),
        ("curl/8.5.0", "Navigateur inconnu"),
    ],
)
def test_a_device_is_named_in_words(app, make, log_in_customer, agent, said):
    from tests.browser_client import Browser

    merchant = make.merchant(locale="fr")
    own = Browser(app, address="192.0.2.7", agent=agent)
    log_in_customer(own, merchant, make.customer(merchant))
    assert own.get(sessions(merchant)).select_one("article h2").get_text() == f"{said} (ce navigateur)"
