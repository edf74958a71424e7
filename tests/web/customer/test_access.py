"""The page of all accesses: what it says of an end is what the recap promises, and what the proof then says."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from portal.domain.subscriptions import Status
from portal.models import Grant
from tests.web.customer.conftest import CANCEL
from tests.web.customer.test_account_page import change
from tests.web.customer.test_home import finite
from tests.web.customer.test_recap import section


def of(page, name):
    """The card of a product, as its lines and its table."""
    (card,) = [one for one in page.select("article.card") if one.select_one("h2").get_text(strip=True) == name]
    lines = [" ".join(line.get_text(" ").split()) for line in card.select("li")]
    terms = [term.get_text(strip=True) for term in card.select("dt")]
    table = dict(zip(terms, [" ".join(value.get_text(" ").split()) for value in card.select("dd")], strict=True))
    return lines, table


def give(make, visit, product, *, since, until=None):
    own = {"merchant_id": visit.merchant.id, "customer_id": visit.customer.id, "product_id": product.id}
    now = make.now()
    ends = now + timedelta(days=until) if until is not None else None
    make.add(Grant(**own, since=now + timedelta(days=since), until=ends))


SWITCHES = list(itertools.product((False, True), repeat=2))


@pytest.mark.parametrize(("keeps", "at_once"), SWITCHES)
def test_what_stays_is_what_the_recap_promises_and_the_account_then_shows(visit, make, keeps, at_once):
    contents = (("Now", 0), ("Later", 500))
    product = make.product(
        visit.merchant, name="Piano", contents=contents, keep_after_cancellation=keeps, stops_at_once=at_once
    )
    mine = make.subscription(customer=visit.customer, product=product)
    lines, table = of(visit.browser.get(f"{visit.home}access"), "Piano")
    assert lines[0].startswith("Now since ")
    assert lines[0].endswith(", as long as your subscription runs")
    assert lines[1].startswith("Later opens on ")
    told = table["If you cancel today"]

    recap = visit.recap(mine)
    stops, stays = section(recap, "What stops"), section(recap, "What stays")
    if keeps:
        assert stays == {"Now: kept for good"}
        assert told.startswith("You keep for good what is open now.")
        assert "leaves open what is unlocked by then" in told
    elif at_once:
        assert "Now: at once" in stops
        assert told.startswith("Access closes at once.")
        assert "closes access with the end" in told
    else:
        (until,) = [line.partition("until ")[2] for line in stops if line.startswith("Now: until")]
        assert told == f"You keep access until {until}. That is the end of what is paid."

    recap.submit(press=CANCEL)
    lines, table = of(visit.browser.get(f"{visit.home}access"), "Piano")
    after = table.get("After the end", "")
    assert not any(line.startswith("Later") for line in lines)
    if keeps:
        assert lines[0].endswith("kept for good")
        assert "leaves it open after the end of your contract" in after
    elif not at_once:
        assert lines[0].endswith(f"until {until}")
        assert after == told


def test_a_planned_end_says_what_its_day_leaves(visit, make):
    product = make.product(visit.merchant, name="Piano", commitment_months=6, commitment_binds=True)
    mine = make.subscription(customer=visit.customer, product=product, committed_until=make.now() + timedelta(days=100))
    before = of(visit.browser.get(f"{visit.home}access"), "Piano")[1]["If you cancel today"]
    recap = visit.recap(mine)
    recap.submit(press=recap.select_one("main form button").get_text(strip=True))
    lines, table = of(visit.browser.get(f"{visit.home}access"), "Piano")
    assert table["After the planned end"] == before, "what was said before is what holds"
    assert " until " in lines[0]


def test_what_a_finite_plan_leaves_once_it_is_paid(visit, make, ctx):
    product = make.product(visit.merchant, name="Piano", keep_after_completion=True)
    mine = make.subscription(customer=visit.customer, product=product)
    assert "After the last payment" not in of(visit.browser.get(f"{visit.home}access"), "Piano")[1]
    finite(make, ctx, mine)
    table = of(visit.browser.get(f"{visit.home}access"), "Piano")[1]
    assert table["After the last payment"] == "You keep all of it for good."


def test_what_was_given_by_hand_stands_there_with_its_days(visit, make):
    summer, past = make.product(visit.merchant, name="Summer"), make.product(visit.merchant, name="Past")
    give(make, visit, summer, since=-3, until=40)
    give(make, visit, past, since=-9, until=-1)
    page = visit.browser.get(f"{visit.home}access")
    (line,) = [one.get_text(" ", strip=True) for one in page.select("main li")]
    assert line.startswith("Summer since ")
    assert " until " in line
    assert line.endswith(f"(given to you by {visit.merchant.name})")
    assert "One thing is open to you now." in page.text


def test_what_opens_nothing_is_folded_and_counted(visit, make, ctx):
    past = make.now() - timedelta(days=30)
    over = make.subscription(customer=visit.customer, product=make.product(visit.merchant, name="Old"))
    change(ctx, over, status=Status.CANCELLED, ended_at=past, stopped_at_provider_at=past, paid_until=past)
    page = visit.browser.get(f"{visit.home}access")
    assert "Nothing is open at the moment." in page.text
    (fold,) = [one for one in page.select("details") if one.find_parent("details") is None]
    assert "1 contract opens nothing at the moment" in fold.summary.get_text()
    assert "Old" in fold.get_text()


def test_an_empty_one_says_what_will_be_here(visit):
    page = visit.browser.get(f"{visit.home}access")
    assert "Nothing to open yet" in page.text
    assert visit.merchant.name in page.text


def test_it_costs_no_more_statements_than_the_account_page(visit, make, statements):
    product = make.product(visit.merchant, contents=(("A", 0), ("B", 30)))
    give(make, visit, product, since=-1)
    for _ in range(9):
        make.subscription(customer=visit.customer, product=product, at_paypal=False)
    with statements() as seen:
        visit.browser.get(f"{visit.home}access")
    assert len(seen) == 2


def test_nobody_sees_what_another_may_open(visit, make):
    other = make.customer(visit.merchant)
    make.subscription(customer=other, product=make.product(visit.merchant, name="Theirs"))
    assert "Theirs" not in visit.browser.get(f"{visit.home}access").text
