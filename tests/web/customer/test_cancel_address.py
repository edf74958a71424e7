"""One address to cancel by: it keeps its target through the log-in, and leads to the page that does it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from portal.domain.policies import Override
from portal.domain.subscriptions import Status
from portal.models import EndRequest
from portal.queries.account.account_page import PAGE
from tests.web.customer.test_account_page import change

QUESTION = "Which contract do you want to cancel?"


def test_it_is_kept_through_the_log_in(browser, make, code_and_link):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    mine = make.subscription(customer=customer, merchant=merchant)
    there = f"/account/{merchant.slug}/cancel"
    page = browser.get(there).submit(email=customer.email).submit(code=code_and_link()[0])
    assert page.path == f"/account/{merchant.slug}/subscriptions/{mine.id}/cancellation"
    assert page.h1 == "Check: your subscription is not cancelled yet"


def test_so_is_the_page_of_accesses(browser, make, code_and_link):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    there = f"/account/{merchant.slug}/access"
    assert browser.get(there).submit(email=customer.email).submit(code=code_and_link()[0]).path == there


def test_one_leads_to_its_page_and_what_is_over_counts_for_nothing(visit, make):
    mine = make.subscription(customer=visit.customer)
    make.subscription(customer=visit.customer, status=Status.CANCELLED)
    assert visit.browser.get(f"{visit.home}cancel").path == visit.page(mine, "/cancellation")


def test_where_the_merchant_cancels_it_leads_to_the_notice(visit, make):
    product = make.product(visit.merchant, self_cancellation=Override.OFF)
    mine = make.subscription(customer=visit.customer, product=product)
    assert visit.browser.get(f"{visit.home}cancel").path == visit.page(mine, "/notification")


def test_of_several_it_asks_and_changes_nothing(visit, make, ctx):
    names = ("Piano", "Chant")
    held = {
        name: make.subscription(customer=visit.customer, product=make.product(visit.merchant, name=name))
        for name in names
    }
    page = visit.browser.get(f"{visit.home}cancel")
    assert page.h1 == QUESTION
    assert {link["href"] for link in page.select("article.card p a")} == {
        visit.page(one, "/cancellation") for one in held.values()
    }
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(EndRequest)) == 0


def test_none_goes_home_with_a_sentence(visit, make):
    page = visit.browser.get(f"{visit.home}cancel")
    assert page.path == visit.home
    assert "You have no contract that can be cancelled." in page.select_one(".flashes").get_text()


def test_what_is_under_way_is_not_asked_for_again(visit, make, paypal):
    mine = make.subscription(customer=visit.customer)
    paypal.rule("any", "500")
    visit.cancel(mine)
    page = visit.browser.get(f"{visit.home}cancel")
    assert page.path == visit.home
    assert "already under way" in page.select_one(".flashes").get_text()


def test_a_page_of_many_leads_to_the_next_and_never_past_the_live_ones(visit, make, ctx):
    product = make.product(visit.merchant)
    for number in range(PAGE + 3):
        one = make.subscription(customer=visit.customer, product=product, at_paypal=False)
        if number > PAGE:
            past = make.now() - timedelta(days=9)
            change(ctx, one, status=Status.CANCELLED, ended_at=past, paid_until=past)
    first = visit.browser.get(f"{visit.home}cancel")
    assert len(first.select("article.card")) == PAGE
    second = visit.browser.get(first.select_one("nav.pages a[rel=next]")["href"])
    assert len(second.select("article.card")) == 1
    assert second.select_one("nav.pages a[rel=next]") is None


def test_somebody_elses_is_never_chosen(visit, make):
    make.subscription(customer=make.customer(visit.merchant))
    assert visit.browser.get(f"{visit.home}cancel").path == visit.home
