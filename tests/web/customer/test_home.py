"""The account page: first what is true now and what comes, then what it opens, then the one thing to do."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.ends.end_requests import Channel
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import Merchant, PauseRequest, Plan, ProductContent
from portal.web.customer.subscriptions import FEW
from tests.web.customer.test_account_page import change


def sentences(page):
    """What is said first of each subscription, in a card or in a list."""
    cards = page.select("article.card")
    return [(card.select_one(".lede") or card.select_one("p")).get_text(" ", strip=True) for card in cards]


def day(at):
    return f"{at:%A} {at.day} {at:%B %Y}"


def finite(make, ctx, subscription):
    """Let it be sold by a plan of twelve payments."""
    plan = uuid.uuid4()
    own = {"merchant_id": subscription.merchant_id, "product_id": subscription.product_id, "environment": "sandbox"}
    make.add(Plan(**own, id=plan, provider_id="P-12", name="Douze fois", total_cycles=12, read_at=make.now()))
    change(ctx, subscription, plan_id=plan)


def at_noon(make, days):
    return (make.now() + timedelta(days=days)).replace(hour=11, minute=0, second=0)


def test_an_active_one_says_its_next_payment(visit, make):
    at = at_noon(make, 20)
    make.subscription(customer=visit.customer, next_payment_at=at, at_paypal=False)
    assert sentences(visit.browser.get(visit.home)) == [f"Next payment of €29.90 on {day(at)}."]


def test_a_payment_whose_day_is_past_is_not_announced(visit, make):
    at = at_noon(make, -2)
    make.subscription(customer=visit.customer, next_payment_at=at, at_paypal=False)
    assert sentences(visit.browser.get(visit.home)) == [f"The payment of {day(at)} is not confirmed by PayPal yet."]


def test_within_a_trial_no_price_is_told_of_the_next_payment(visit, make, ctx):
    at = at_noon(make, 5)
    one = make.subscription(customer=visit.customer, next_payment_at=at, started_at=at_noon(make, -9), at_paypal=False)
    change(ctx, one, trials=[{"unit": "WEEK", "count": 2, "cycles": 3, "is_free": False}])
    assert sentences(visit.browser.get(visit.home)) == [f"Next payment on {day(at)}."]


def test_a_late_one_comes_first_with_the_way_to_settle_it(visit, make, ctx):
    make.subscription(customer=visit.customer, at_paypal=False)
    until = at_noon(make, 4)
    product = make.product(visit.merchant, name="Club", grace_days=6)
    late = make.subscription(customer=visit.customer, product=product, status=Status.PAST_DUE, at_paypal=False)
    change(ctx, late, past_due_since=until - timedelta(days=6), paid_until=until - timedelta(days=6))
    change(ctx, late, created_at=make.now() - timedelta(days=90))
    page = visit.browser.get(visit.home)
    assert page.h1 == "Hello Claire Dupont, a payment is late"
    first = page.select_one("article.card")
    assert f"Your access stays open until {day(until)}: settle the late payment by then." in first.get_text()
    (settle,) = page.select("a.button-primary")
    assert settle.get_text() == "Settle at PayPal"
    assert settle.find_parent("article") is first
    assert settle["href"].startswith("https://www.paypal.com/")


def test_a_pause_says_when_payments_start_again(visit, make):
    again = at_noon(make, 12)
    paused = make.subscription(customer=visit.customer, status=Status.PAUSED, next_payment_at=None, at_paypal=False)
    assert sentences(visit.browser.get(visit.home)) == ["No payment is taken while it is paused."]
    make.add(
        PauseRequest(
            merchant_id=visit.merchant.id,
            subscription_id=paused.id,
            kind=PauseKind.RESUME,
            state=PauseState.RECORDED,
            due_at=again,
            actor=Actor.CUSTOMER,
            channel=Channel.PORTAL,
        )
    )
    assert sentences(visit.browser.get(visit.home)) == [f"Payments start again on {day(again)}."]


def test_an_end_that_has_come_says_what_is_left(visit, make):
    past = at_noon(make, -30)
    ended = {"ended_at": past, "stopped_at_provider_at": past, "paid_until": past, "next_payment_at": None}
    kept = make.product(visit.merchant, name="Dessin", keep_after_completion=True)
    make.subscription(customer=visit.customer, product=kept, status=Status.COMPLETED, at_paypal=False, **ended)
    make.subscription(customer=visit.customer, status=Status.CANCELLED, at_paypal=False, **ended)
    said = sorted(sentences(visit.browser.get(visit.home)))
    assert said[0].startswith(f"Cancelled on {day(past)}. Your access ended on {day(past)}")
    assert said[1] == f"Completed on {day(past)}. You keep for good: Dessin."


def test_how_far_a_finite_plan_has_come(visit, make, ctx):
    one = make.subscription(customer=visit.customer, started_at=make.now() - timedelta(days=70), at_paypal=False)
    finite(make, ctx, one)
    assert "of 12 payments" not in visit.browser.get(visit.home).text, "no payment is known"
    for days in (70, 40, 9):
        make.payment(one, days)
    for path in (visit.home, visit.page(one)):
        page = visit.browser.get(path)
        assert ("3 of 12 payments" in page.text) is (path == visit.home)


@pytest.mark.parametrize("number", [FEW, FEW + 1])
def test_few_are_cards_with_what_may_be_done_and_many_a_list_that_leads_there(visit, make, ctx, number):
    product = make.product(visit.merchant, contents=(("Lesson 1", 0), ("Lesson 2", 0), ("Lesson 3", 0)))
    with ctx.db.begin() as session:
        for content in session.scalars(select(ProductContent)):
            content.link = f"https://atelier.test/{content.position}"
    for _ in range(number):
        make.subscription(customer=visit.customer, product=product, at_paypal=False)
    page = visit.browser.get(visit.home)
    buttons = [link.get_text() for link in page.select("main a.button")]
    opened = page.select("main a[href^='https://atelier.test/']")
    if number == FEW:
        assert buttons == ["Cancel my subscription"] * FEW
        assert len(opened) == 3 * FEW
        assert page.text.count("as long as your subscription runs") == FEW, "once a card, as it holds for all of them"
    else:
        assert buttons == ["Cancel a contract"]
        assert [link.get_text() for link in opened] == ["Lesson 1"] * number
        assert page.text.count("2 more") == number
        assert page.follow("Cancel a contract").h1 == "Which contract do you want to cancel?"


def test_two_of_one_product_are_told_calmly_until_one_of_them_is_about_to_end(visit, make):
    product = make.product(visit.merchant, name="Piano")
    make.subscription(customer=visit.customer, product=product)
    assert "subscriptions to" not in visit.browser.get(visit.home).text
    second = make.subscription(customer=visit.customer, product=product)
    page = visit.browser.get(visit.home)
    assert "You have 2 contracts for “Piano”." in page.text
    assert page.follow("Choose which one to cancel").select("main article.card")
    visit.cancel(second)
    assert "contracts for “Piano”" not in visit.browser.get(visit.home).text


def test_whoever_has_no_name_is_told_with_whom(make, log_in):
    merchant = make.merchant(locale="en")
    nameless = log_in(merchant, make.customer(merchant, name=""))
    assert nameless.browser.get(nameless.home).h1 == f"You have no subscription with {merchant.name} at the moment"
    make.subscription(customer=nameless.customer, at_paypal=False)
    assert nameless.browser.get(nameless.home).h1 == f"You have one subscription with {merchant.name}"


def test_in_french_what_was_cancelled_has_one_word(make, log_in):
    """words.md: « résilier » is the customer's act and the law's; « annulé » stands at the desk alone."""
    merchant = make.merchant(locale="fr")
    who = log_in(merchant, make.customer(merchant), language="fr")
    one = make.subscription(customer=who.customer)
    who.recap(one).submit(press="Résilier maintenant")
    for path in (who.home, who.page(one), f"{who.home}access"):
        page = who.browser.get(path)
        assert page.select_one("[data-testid=status]").text == "Résilié"
        assert "annulé" not in page.text.lower()
    page = who.browser.get(who.page(one))
    assert "Résiliation demandée" in page.text
    assert "Résiliation confirmée par PayPal" in page.text
    assert "Résiliation confirmée par PayPal :" not in page.text.replace("\N{NO-BREAK SPACE}", " "), "said once"


def test_the_merchant_leaves_out_the_page_of_accesses(visit, ctx):
    links = [link.get_text(strip=True) for link in visit.browser.get(visit.home).select("nav a")]
    assert "Access" in links
    with ctx.db.begin() as session:
        session.get_one(Merchant, visit.merchant.id).hidden_sections = ["access"]
    links = [link.get_text(strip=True) for link in visit.browser.get(visit.home).select("nav a")]
    assert "Access" not in links
    visit.browser.get(f"{visit.home}access", status=404)
