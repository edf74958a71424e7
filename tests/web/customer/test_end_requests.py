"""From the card to the proof: what a customer clicks, twice, in two tabs, late, or where it is not allowed."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal import create_app
from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Override
from portal.domain.subscriptions import Status
from portal.models import Base, EndRequest
from portal.services.ends import end_requests
from portal.web.local_days import local_day
from tests.browser_client import Browser
from tests.services.carrying.carried import wish_of
from tests.web.customer.conftest import CANCEL, DONE, KEEP, UNDO, reference_of


def row_counts(ctx) -> dict[str, int]:
    with ctx.db.read() as session:
        tables = Base.metadata.sorted_tables
        return {table.name: session.scalar(select(func.count()).select_from(table)) for table in tables}


def calls(paypal) -> Counter:
    return Counter(call.operation for call in paypal.calls)


@pytest.mark.law("R-US-2", "R-CA-1", "R-DP-6")
def test_a_customer_cancels_and_gets_a_proof_that_paypal_stands_behind(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    card = visit.browser.get(visit.home)
    recap = card.follow("Cancel my subscription")
    assert recap.h1 == "Check: your subscription is not cancelled yet"
    assert "The payment of €29.90 due on" in recap.text

    page = recap.submit(press=CANCEL, reason="not_used", comment="Merci, à bientôt.\r\nClaire")

    assert paypal.subscriptions[subscription.provider_id].status == "CANCELLED"
    assert calls(paypal)["cancel"] == 1
    (request,) = make.requests(subscription)
    assert (request.state, request.outcome) == (RequestState.CONFIRMED, Status.CANCELLED)
    assert (request.reason_code, request.reason_text) == ("not_used", "Merci, à bientôt.\nClaire")
    assert reference_of(page) == request.reference
    assert "Your subscription is cancelled. PayPal confirmed it on " in page.text
    assert "You will not be charged again. You keep access until " in page.text
    assert f"Reference: {request.reference}." in page.text
    assert "Merci, à bientôt." in page.text

    again = visit.browser.get(page.path)
    assert again.text == page.text, "the proof can be opened again"
    card = visit.browser.get(visit.home)
    assert card.select_one("[data-testid=status]").text == "Cancelled"
    assert request.reference in card.text
    assert "Cancel my subscription" not in card.text


def test_what_a_confirmation_costs_the_database(visit, make, statements):
    """performance.md: at most 60 statements from the click to PayPal's confirmation, for a merchant who has had one."""
    visit.cancel(make.subscription(customer=visit.customer))
    recap = visit.recap(make.subscription(customer=visit.customer))
    with statements() as seen:
        recap.submit(press=CANCEL, status=303, follow=False)
    assert len(seen) <= 52, len(seen)


def test_neither_opening_the_recap_nor_a_scanner_changes_anything(visit, make, paypal, ctx):
    subscription = make.subscription(customer=visit.customer)
    before = row_counts(ctx)
    visit.recap(subscription)
    for path in ("", "/cancellation"):
        there = visit.page(subscription, path)
        assert visit.browser.client.head(there, base_url=visit.browser.base_url).status_code == 200
    assert row_counts(ctx) == before
    assert not calls(paypal)


@pytest.mark.law("R-DP-2", "R-DP-4")
def test_the_two_answers_weigh_the_same_and_nothing_is_chosen_beforehand(visit, make):
    page = visit.recap(make.subscription(customer=visit.customer))
    yes = next(button for button in page.select("main button") if button.text == CANCEL)
    no = next(anchor for anchor in page.select("main a") if anchor.text == KEEP)
    assert yes["class"] == no["class"]
    assert not page.select("main input[checked]")
    assert not page.select("main [required]")


def test_a_second_click_shows_the_first_request(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    first_tab, second_tab = visit.recap(subscription), visit.recap(subscription)
    first = first_tab.submit(press=CANCEL)
    second = second_tab.submit(press=CANCEL)
    assert first.path == second.path
    assert len(make.requests(subscription)) == 1
    assert calls(paypal)["cancel"] == 1


def test_two_tabs_at_the_same_moment_make_one_request_and_one_call(visit, make, paypal, app):
    subscription = make.subscription(customer=visit.customer)
    tabs = [visit.recap(subscription) for _ in range(2)]
    form = tabs[0].values(tabs[0].form(press=CANCEL))
    cookies = {name: visit.browser.cookie(name) for name in ("portal", "portal_customer")}
    barrier, seen = threading.Barrier(2), []

    def press() -> None:
        browser = Browser(app)
        for name, value in cookies.items():
            browser.set_cookie(name, value)
        barrier.wait(timeout=10)
        seen.append(browser.post(visit.page(subscription, "/cancellation"), form, status=303))

    threads = [threading.Thread(target=press) for _ in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len({page.response.headers["Location"] for page in seen}) == 1
    assert len(seen) == 2
    assert len(make.requests(subscription)) == 1
    assert calls(paypal)["cancel"] == 1


def test_no_connection_is_held_while_paypal_is_asked(visit, make, ctx, config):
    held = []

    class Watching:
        """The real gateway; notes how many connections the process holds at each call."""

        def __init__(self, gateway):
            self.gateway = gateway

        def __getattr__(self, name):
            held.append((name, ctx.db.engine.pool.checkedout()))
            return getattr(self.gateway, name)

    watched = replace(ctx, gateways=lambda *args, **more: Watching(ctx.gateways(*args, **more)))
    subscription = make.subscription(customer=visit.customer)
    browser = Browser(create_app(config, watched))
    browser.set_cookie("portal_customer", visit.browser.cookie("portal_customer"))
    browser.submit(visit.page(subscription, "/cancellation"), press=CANCEL)
    assert [name for name, _ in held] == ["show_subscription", "cancel_subscription", "show_subscription"]
    assert {count for _, count in held} == {0}


def test_a_recap_of_a_request_that_stands_leads_to_its_page(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    paypal.rule("any", "500")
    first = visit.cancel(subscription)
    again = visit.browser.get(visit.page(subscription, "/cancellation"), follow=False, status=302)
    assert again.response.headers["Location"].endswith(reference_of(first))
    paypal.clear_rules()


@pytest.mark.law("R-AC-4")
def test_undo_then_cancel_again_keeps_both_reasons_under_two_references(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    paypal.rule("show", "500")
    old_tab = visit.recap(subscription)
    first = visit.cancel(subscription, reason="too_expensive", comment="Trop cher")
    undone = first.submit(press=UNDO)
    assert undone.path == first.path
    assert "PayPal was not told of it." in undone.text
    assert "Your contract continues." in undone.text
    assert undone.notices == ["Your request was withdrawn. Your contract continues."]
    assert make.reload(subscription).end_requested_at is None

    stale = old_tab.submit(press=CANCEL, comment="Encore moi")
    asked = stale.select_one("main [role=status]").get_text(strip=True)
    assert asked == "Something happened since you opened this page. Check it and confirm again."
    assert stale.errors == [], "nobody made a mistake"
    assert "Encore moi" in stale.body
    assert len(make.requests(subscription)) == 1

    paypal.clear_rules()
    second = stale.submit(press=CANCEL, reason="technical")
    one, two = make.requests(subscription)
    assert one.reference == reference_of(first) != reference_of(second) == two.reference
    assert [row.state for row in (one, two)] == [RequestState.WITHDRAWN, RequestState.CONFIRMED]
    assert (one.reason_code, one.reason_text) == ("too_expensive", "Trop cher")
    assert (two.reason_code, two.reason_text) == ("technical", "Encore moi")
    # The first page stays true: it no longer says that the subscription goes on.
    assert "Your contract continues." not in visit.browser.get(first.path).text


def test_an_undo_after_the_call_left_is_refused_and_a_second_undo_is_not(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    paypal.rule("show", "500")
    page = visit.cancel(subscription)
    form = page.values(page.form(press=UNDO))
    withdrawal = f"{page.path}/withdrawal"
    assert visit.browser.get(withdrawal, status=405)
    assert make.requests(subscription)[0].state is not RequestState.WITHDRAWN
    visit.browser.post(withdrawal, form, status=303)
    visit.browser.post(withdrawal, form, status=303)

    paypal.clear_rules()
    paypal.rule("cancel", "500")
    other = visit.cancel(subscription)
    assert UNDO not in other.text
    refused = visit.browser.post(f"{other.path}/withdrawal", form, status=409)
    assert "Nothing was changed." in refused.text
    assert make.requests(subscription)[-1].state is RequestState.RETRYING


def test_what_staff_asked_is_not_the_customers_to_take_back(visit, make, ctx):
    subscription = make.subscription(customer=visit.customer)
    make.add(staffs_request(subscription))
    page = visit.browser.get(f"{visit.home}requests/ABCD-2345")
    assert UNDO not in page.text
    assert "an internal word" not in page.body
    assert "Your request" not in page.text
    assert not DONE.search(page.body)
    token = visit.recap(make.subscription(customer=visit.customer)).form(press=CANCEL)
    data = {"csrf_token": token.find("input", attrs={"name": "csrf_token"})["value"]}
    visit.browser.post(f"{page.path}/withdrawal", data, status=409)
    assert make.requests(subscription)[0].state is RequestState.RETRYING


def staffs_request(subscription) -> EndRequest:
    return EndRequest(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        reference="ABCD-2345",
        state=RequestState.RETRYING,
        outcome=Status.COMPLETED,
        actor="staff",
        actor_name="Léa Martin",
        channel="staff",
        reason_text="an internal word",
        shown={},
    )


def test_a_comment_that_is_too_long_is_given_back_whole(visit, make):
    subscription = make.subscription(customer=visit.customer)
    words = "à" * 501
    page = visit.recap(subscription).submit(press=CANCEL, comment=words, reason="other", status=422)
    assert page.errors == ["Write at most 500 characters."]
    assert page.select_one("title").text.startswith("Error:")
    form = page.values(page.form(press=CANCEL))
    assert (form["comment"].strip(), form["reason"]) == (words, "other")
    assert make.requests(subscription) == []
    assert len(make.requests(subscription)) == 0
    # 500 characters with line breaks as a browser sends them are not too many.
    page.submit(press=CANCEL, comment=("y" * 99 + "\r\n") * 5)
    assert len(make.requests(subscription)[0].reason_text) == 499


@pytest.mark.parametrize(
    "answers", [{"reason": "nobody-offered-this"}, {"comment": "x\x00y"}, {"after": "Z" * 300}, {}]
)
def test_answers_that_no_page_offers_do_no_harm(visit, make, answers):
    subscription = make.subscription(customer=visit.customer)
    page = visit.recap(subscription)
    form = page.values(page.form(press=CANCEL)) | answers
    answer = visit.browser.client.post(page.path, data=form, base_url=visit.browser.base_url)
    assert answer.status_code in (303, 400, 422)
    assert len(make.requests(subscription)) == (answer.status_code == 303)


def test_a_form_whose_token_is_gone_loses_nothing_and_changes_nothing(visit, make):
    subscription = make.subscription(customer=visit.customer)
    page = visit.recap(subscription)
    form = page.values(page.form(press=CANCEL)) | {"comment": "Mes mots", "reason": "other", "csrf_token": "old"}
    shown = visit.browser.post(page.path, form, status=422)
    assert "Mes mots" in shown.body
    assert make.requests(subscription) == []
    shown.submit(press=CANCEL)
    assert make.requests(subscription)[0].reason_text == "Mes mots"


def test_a_session_that_ended_midway_changes_nothing_and_leads_back(visit, make):
    subscription = make.subscription(customer=visit.customer)
    page = visit.recap(subscription)
    visit.browser.set_cookie("portal_customer", "somebody-else")
    ended = page.submit(press=CANCEL, status=401)
    assert "Your session ended. Nothing was changed." in ended.text
    assert visit.page(subscription, "/cancellation").replace("/", "%2F") in ended.body.replace("/", "%2F")
    assert make.requests(subscription) == []


def off(make, *, override=Override.INHERIT, switch=False):
    merchant = make.merchant(
        locale="en",
        self_cancellation=switch,
        cancellation_text="Call Léa.\nOr <b>write</b>.",
        support_email="lea@x.test",
    )
    product = make.product(merchant, self_cancellation=override)
    return merchant, product


@pytest.mark.parametrize(
    ("switch", "override", "button"),
    [
        (True, Override.INHERIT, True),
        (False, Override.INHERIT, False),
        (True, Override.OFF, False),
        (False, Override.ON, True),
    ],
)
def test_without_self_cancellation_the_merchants_text_and_the_legal_way_stand_there(
    visit, make, log_in, paypal, switch, override, button
):
    merchant, product = off(make, override=override, switch=switch)
    someone = log_in(merchant, make.customer(merchant))
    subscription = make.subscription(merchant=merchant, product=product, customer=someone.customer)
    for path in (someone.home, someone.page(subscription)):
        page = someone.browser.get(path)
        assert ("Cancel my subscription" in page.text) is button
        assert ("Call Léa." in page.text) is not button
        assert ("Cancel your contract" in page.text) is not button
        assert bool(page.select("main a[href='mailto:lea@x.test']")) is not button
        assert "<b>" not in page.body
    if button:
        return
    refused = someone.recap(subscription, status=409)
    assert "You can send" in refused.text
    assert "any more" not in refused.text
    assert refused.select(f"main a[href='{someone.page(subscription, '/notification')}']")
    token = visit_token(someone, make, merchant)
    someone.browser.post(someone.page(subscription, "/cancellation"), {"csrf_token": token}, status=409)
    assert make.requests(subscription) == []
    assert not calls(paypal)


def visit_token(someone, make, merchant) -> str:
    on = make.product(merchant, self_cancellation=Override.ON)
    other = make.subscription(merchant=merchant, product=on, customer=someone.customer)
    page = someone.recap(other)
    return page.values(page.form(press=CANCEL))["csrf_token"]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED, Status.ABANDONED])
def test_what_is_over_without_a_request_here_cannot_be_cancelled(visit, make, paypal, status):
    subscription = make.subscription(customer=visit.customer, status=status)
    assert "Cancel my subscription" not in visit.browser.get(visit.page(subscription)).text
    page = visit.recap(subscription)
    assert page.h1 == "This contract has already ended"
    assert "There is nothing left to cancel, and nothing was changed." in page.text
    assert page.follow("See its dates").path == visit.page(subscription)
    assert not calls(paypal)


def test_who_asks_for_now_beside_an_end_of_theirs_that_is_planned_is_told_that_this_was_not_recorded(
    visit, make, paypal, now
):
    """A page of before: « recorded » would be read as what they have just asked for, and a payment be taken."""
    subscription = make.subscription(customer=visit.customer)
    late = visit.recap(subscription)
    end_requests.record(
        make.ctx, wish_of(subscription, wished_on=local_day(now + timedelta(days=70), "Europe/Paris")), now=now
    )
    page = late.submit(press=CANCEL)
    assert "Your wish to end now was not recorded" in page.notices[0]
    assert not calls(paypal)
    (request,) = make.requests(subscription)
    assert request.due_at is not None


def test_who_presses_twice_what_had_shown_them_a_day_is_told_of_nothing_else(visit, make, now):
    product = make.product(visit.merchant, commitment_months=6, commitment_binds=True)
    held_back = {"product": product, "committed_until": now + timedelta(days=100)}
    recap = visit.recap(make.subscription(customer=visit.customer, **held_back))
    press = recap.select_one("main form button").get_text(strip=True)
    recap.submit(press=press)
    page = recap.submit(press=press)
    assert "was not recorded" not in page.text
    assert "PayPal will be told on" in page.text


def test_a_cancellation_that_the_commitment_holds_back_says_both_dates_and_can_be_undone(visit, make, paypal, now):
    product = make.product(visit.merchant, commitment_months=6, commitment_binds=True)
    subscription = make.subscription(
        customer=visit.customer, product=product, committed_until=now + timedelta(days=100)
    )
    recap = visit.recap(subscription)
    told = recap.select_one(".notice").get_text(" ", strip=True)
    assert "The commitment runs until" in told
    assert "PayPal will be told on" in told
    button = recap.select_one("main form button").get_text(strip=True)
    assert button.startswith("Cancel on ")
    page = recap.submit(press=button)
    assert not calls(paypal), "PayPal is told later"
    (request,) = make.requests(subscription)
    assert request.due_at is not None
    assert request.due_at > now + timedelta(days=50)
    assert "PayPal will be told on" in page.text
    assert "You can withdraw your request until then." in page.text
    assert not DONE.search(page.body)
    # The payments owed until then are taken, so access lasts as long as the last of them.
    last_days = {item.get_text(" ", strip=True).partition("until ")[2] for item in recap.select(".marked li")}
    unpaid = [now + timedelta(days=20)]
    while unpaid[-1] < subscription.committed_until:
        unpaid.append(unpaid[-1] + timedelta(days=30))
    assert any(f"{unpaid[-1]:%B %Y}" in day for day in last_days), (last_days, unpaid)
    assert visit.browser.get(visit.page(subscription)).text.count("PayPal will be told on") == 1
    assert "Your contract continues." in page.submit(press=UNDO).text
