"""Customers of a suspended or leaving merchant: they cancel, ask and read; nothing is offered that would go on."""

from __future__ import annotations

from functools import partial

import pytest

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.subscriptions import Status
from portal.queries.merchants.departures import of as departures_of
from portal.services.merchants import departures, standings
from tests.web.customer.test_notifications import PRESS

STATES = ("suspended", "leaving")


@pytest.fixture
def bring(ctx):
    """Bring a merchant into a state; return its last day."""

    def into(merchant, state):
        if state == "suspended":
            standings.suspend(ctx, merchant.id, why="unpaid", by=OPERATOR, now=utc_now())
            return None
        return standings.leave(ctx, merchant.id, leave_live=True, by=OPERATOR, now=utc_now())

    return into


@pytest.fixture
def put(bring, visit):
    """Bring the visited merchant into a state."""
    return partial(bring, visit.merchant)


@pytest.mark.parametrize("state", STATES)
def test_a_customer_logs_in_cancels_and_reads_the_proof(browser, visit, make, put, log_in_customer, state):
    subscription = make.subscription(merchant=visit.merchant, customer=visit.customer)
    put(state)
    log_in_customer(browser, visit.merchant, visit.customer)
    result = visit.cancel(subscription)
    assert make.reload(subscription).status == "cancelled"
    (link,) = {one["href"] for one in result.select("a") if one["href"].endswith(".pdf")}
    assert visit.browser.client.get(link, base_url="http://portal.test").mimetype == "application/pdf"


@pytest.mark.parametrize("state", STATES)
def test_who_cannot_cancel_by_themselves_still_sends_a_notice(make, log_in, ctx, bring, state):
    merchant = make.merchant(self_cancellation=False)
    customer = make.customer(merchant)
    subscription = make.subscription(merchant=merchant, customer=customer)
    bring(merchant, state)
    who = log_in(merchant, customer)
    page = who.browser.get(who.page(subscription)).follow("Send a cancellation notice")
    assert "recorded" in page.submit(press=PRESS).notices[0]
    with ctx.db.read() as session:
        assert departures_of(session, merchant.id, now=utc_now()).received == 1


@pytest.mark.parametrize("state", STATES)
def test_no_pause_no_resume_and_no_way_back_is_offered(visit, make, put, state):
    product = make.product(visit.merchant, pause_offered=True)
    mine = {"merchant": visit.merchant, "customer": visit.customer, "product": product}
    live, paused = make.subscription(**mine), make.subscription(**mine, status=Status.PAUSED)
    old = make.subscription(
        merchant=visit.merchant, customer=visit.customer, status=Status.CANCELLED, stopped_at_provider_at=make.now()
    )
    offers = ("Subscribe again", "Pause", "Resume")
    before = "".join(visit.browser.get(visit.page(one)).text for one in (live, paused, old))
    assert all(word in before for word in offers)
    put(state)
    after = "".join(visit.browser.get(visit.page(one)).text for one in (live, paused, old))
    assert not [word for word in offers if f"{word} my" in after or "Subscribe again" in after]
    for one, path in ((live, "/pause"), (paused, "/resume"), (old, "/comeback")):
        page = visit.browser.get(visit.page(one, path), status=409)
        assert "does not offer this at the moment" in page.text
        visit.browser.post(visit.page(one, path), {}, status=409)


def test_a_leaving_merchants_pages_say_until_when_and_a_suspended_ones_nothing(visit, put):
    put("suspended")
    assert "portal" not in visit.browser.get(visit.home).text
    put("leaving")
    said = visit.browser.get(visit.home).select_one("main .notice").get_text()
    assert "leaves this portal on" in said
    assert "until then you can cancel here and download your proofs" in said


def test_before_the_log_in_too(browser, visit, put):
    put("leaving")
    page = browser.get(f"/account/{visit.merchant.slug}/login", Accept_Language="fr")
    assert "quitte" in page.text


def test_a_closed_merchants_pages_are_gone(ctx, visit, put):
    departures.run(ctx, now=put("leaving"))
    visit.browser.get(visit.home, status=404)
    visit.browser.get(f"/account/{visit.merchant.slug}/login", status=404)
