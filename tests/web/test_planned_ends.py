"""An end that waits, on every page of both faces: no payment announced that it prevents, one last day of access."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date

from portal.clock import utc_now
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action, Status
from portal.models import Grant
from tests.services.carrying.carried import ask
from tests.web.admin.conftest import enter, merchant, support  # noqa: F401 - the desk's people serve here
from tests.web.customer.conftest import log_in  # noqa: F401
from tests.web.customer.test_notifications import fact


@pytest.fixture
def visit(make, merchant, log_in):  # noqa: F811
    return log_in(merchant, make.customer(merchant))


@pytest.fixture
def held(make, visit):
    """Paid each month: the next time in sixty days, which PayPal shows; a free month lies between."""
    return make.subscription(customer=visit.customer, next_payment_at=utc_now() + timedelta(days=60))


@pytest.fixture
def plan(make, held):
    def run(days):
        wished = (utc_now() + timedelta(days=days)).date()
        ask(make.ctx, make, held, Action.CANCEL, actor=Actor.STAFF, role=Role.SUPPORT, wished_on=wished)
        return format_date(wished, "d MMMM y", locale="en_GB")

    return run


def in_a_card_with_a_sentence(term):
    card = term.find_parent("article", class_="card")
    return card is not None and card.select_one(".lede") is not None


def next_payments(page):
    """Every « Next payment » of a page: in summaries, in the tables by their heads, and a card's in its sentence."""
    found = [
        term.find_next("dd").get_text(" ", strip=True)
        for term in page.select("dt")
        if "Next payment" in term.text and not in_a_card_with_a_sentence(term)
    ]
    for table in page.select("table"):
        heads = [head.get_text(" ", strip=True) for head in table.select("thead th")]
        if "Next payment" in heads:
            rows = [row.find_all(["th", "td"]) for row in table.select("tbody tr")]
            found += [row[heads.index("Next payment")].get_text(" ", strip=True) for row in rows]
    for sentence in page.select("article.card .lede"):  # the account page says it there
        said = sentence.get_text(" ", strip=True)
        found.append("none" if "No payment is taken before then." in said else said)
    return found


def pages(visit, support, held):  # noqa: F811
    return {
        "home": visit.browser.get(visit.home),
        "record": visit.browser.get(visit.page(held)),
        "desk record": support.get(f"/admin/subscriptions/{held.id}"),
        "desk list": support.get("/admin/subscriptions"),
        "desk customer": support.get(f"/admin/customers/{held.customer_id}"),
        "inbox": support.get("/admin/"),
    }


def test_where_the_end_comes_first_no_page_announces_a_payment(visit, support, held, plan):  # noqa: F811
    assert "none" not in next_payments(visit.browser.get(visit.page(held)))
    day = plan(30)
    for name, page in pages(visit, support, held).items():
        assert next_payments(page) == ["none"], name
        assert f"End planned on {day}" in page.text, name
        assert "Last payment still taken" not in page.text or "Last payment still taken none" in page.text, name


def test_a_payment_that_is_still_taken_is_announced(visit, support, held, plan):  # noqa: F811
    plan(70)
    for name, page in pages(visit, support, held).items():
        found = next_payments(page)  # on the account page by its sentence, and beneath the line with its day
        assert found, name
        assert not {"none", "–", "unknown", ""} & set(found), name


@pytest.mark.parametrize("given", [False, True])
def test_both_faces_name_one_last_day_of_access_and_the_planned_end(make, visit, support, held, plan, given):  # noqa: F811
    if given:
        until = utc_now() + timedelta(days=200)
        make.add(
            Grant(
                merchant_id=held.merchant_id,
                customer_id=held.customer_id,
                product_id=held.product_id,
                since=utc_now() - timedelta(days=1),
                until=until,
                created_at=utc_now(),
            )
        )
    day = plan(30)
    theirs, ours = visit.browser.get(visit.page(held)), support.get(f"/admin/subscriptions/{held.id}")
    assert fact(theirs, "Access until") == fact(ours, "Access until")
    last = (until if given else held.paid_until).astimezone(ZoneInfo(visit.merchant.time_zone))
    assert fact(theirs, "Access until").startswith(format_date(last, "d MMM y", locale="en_GB"))
    for page in (theirs, ours):  # the day that was chosen is not the day on which what is paid is over
        assert DAY.search(day).groups() == DAY.search(fact(page, "Planned end")).groups()
        assert "Subscription end date" not in [term.get_text() for term in page.select("dt")]


@pytest.mark.parametrize("paid", [20, -20])
def test_access_that_closes_before_the_planned_end_is_told_with_its_day(make, visit, letters, paid):
    """A pause, or failed payments: no payment is taken, and what was paid is over long before the chosen day."""
    until = utc_now() + timedelta(days=paid)
    product = make.product(visit.merchant, contents=(("Leçon 1", 0),))
    of_claire = {"customer": visit.customer, "product": product}
    held = make.subscription(status=Status.PAUSED, next_payment_at=None, paid_until=until, **of_claire)
    day = (utc_now() + timedelta(days=60)).date()
    button = "Cancel on " + format_date(day, "d MMMM y", locale="en_GB")
    result = visit.browser.get(visit.page(held, f"/cancellation?on={day}")).submit(press=button)
    last = format_date(until.astimezone(ZoneInfo(visit.merchant.time_zone)), "d MMMM y", locale="en_GB")
    (told,) = [letter.text for letter in letters() if letter.recipient == visit.customer.email]
    for said in (result.text, " ".join(told.split())):
        assert "It gave no access" not in said
        assert re.search("You keep access until .*" + last if paid > 0 else "Your access ended on .*" + last, said)


DAY = re.compile(r"\b(\d{1,2}) ([A-Z][a-z]{2})\w* (\d{4})\b")  # in full or short, one day is one day


def dated(page):
    """What the page calls each of its dates: the names in the lists, and the facts of the timeline, with their days."""
    called = defaultdict(set)
    for term in page.select("main dt"):
        called[term.get_text(" ", strip=True)] |= set(DAY.findall(term.find_next("dd").get_text(" ", strip=True)))
    for line in page.select("ol.timeline li"):
        title, *rest = [" ".join(part.split()) for part in line.stripped_strings]
        called[title.partition(":")[0]] |= set(DAY.findall(" ".join(rest))[:1])  # « …: Cancelled » is the same word
    return called


@pytest.mark.parametrize("state", ["planned", "cancelled"])
def test_one_word_never_stands_with_two_dates(visit, support, plan, held, state):  # noqa: F811
    if state == "planned":
        plan(30)
    else:
        visit.cancel(held)
    for page in (visit.browser.get(visit.page(held)), support.get(f"/admin/subscriptions/{held.id}")):
        called = dated(page)
        assert len([name for name, days in called.items() if days]) >= 3
        assert {name: days for name, days in called.items() if len(days) > 1} == {}
