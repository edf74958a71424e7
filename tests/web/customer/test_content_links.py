"""A content's address is a link while the content is open, and only then."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from portal.domain.subscriptions import Status
from portal.models import Grant
from portal.queries.access import products as queries
from portal.services import products


@pytest.fixture
def lessons(ctx, make, visit):
    """One opens at once, one has no address, one opens in a year."""
    product = make.product(
        visit.merchant, contents=(("Lesson 1", 0), ("Paper", 0), ("Lesson 3", 365)), keep_after_cancellation=True
    )
    links = {"Lesson 1": "https://atelier.test/1?a=1&b=2", "Lesson 3": "https://atelier.test/3"}
    link(ctx, product, links)
    return product


def link(ctx, product, links):
    with ctx.db.read() as session:
        wish = products.wish_of(queries.of_merchant(session, product.merchant_id, product.id))
    contents = tuple(dataclasses.replace(one, link=links.get(one.title, "")) for one in wish.contents)
    products.save(ctx, product.merchant_id, product.id, dataclasses.replace(wish, contents=contents))


def links(page):
    return {anchor["href"]: anchor for anchor in page.select("main a") if anchor["href"].startswith("https")}


def test_what_is_open_leads_to_its_address_and_what_is_not_leads_nowhere(visit, make, lessons):
    subscription = make.subscription(customer=visit.customer, product=lessons)
    for path in (visit.home, f"{visit.home}subscriptions/{subscription.id}"):
        (anchor,) = links(visit.browser.get(path)).values()
        assert anchor["href"] == "https://atelier.test/1?a=1&b=2"
        assert "Lesson 1" in anchor.get_text()
        assert anchor["rel"] == ["noreferrer"]


def test_whoever_kept_a_lesson_follows_it_to_its_new_address(visit, ctx, make, lessons):
    make.subscription(customer=visit.customer, product=lessons, status=Status.CANCELLED)
    link(ctx, lessons, {"Lesson 1": "https://neu.test/1"})
    assert set(links(visit.browser.get(visit.home))) == {"https://neu.test/1"}


def test_without_access_there_is_no_link(visit, make, lessons):
    make.subscription(
        customer=visit.customer, product=lessons, status=Status.COMPLETED, paid_until=make.now() - timedelta(days=1)
    )
    assert links(visit.browser.get(visit.home)) == {}


@pytest.mark.parametrize(("since", "until", "is_open"), [(-5, None, True), (-5, 5, True), (2, None, False)])
def test_what_is_given_by_hand_leads_to_its_contents_while_it_is_open(visit, make, lessons, since, until, is_open):
    now = make.now()
    make.add(
        Grant(
            merchant_id=visit.merchant.id,
            customer_id=visit.customer.id,
            product_id=lessons.id,
            since=now + timedelta(days=since),
            until=now + timedelta(days=until) if until else None,
        )
    )
    seen = links(visit.browser.get(visit.home))
    assert [anchor.get_text() for anchor in seen.values()] == (["Lesson 1", "Lesson 3"] if is_open else [])
