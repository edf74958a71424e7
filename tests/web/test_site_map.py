"""The site map: every page of it opens, and a section that the merchant leaves out is not in it."""

from __future__ import annotations

import pytest

from portal.domain.merchants.sections import Section


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier", locale="en")


def test_every_page_of_it_opens_for_whoever_is_logged_in(browser, make, merchant, log_in_customer):
    customer = make.subscription(merchant=merchant).customer
    log_in_customer(browser, merchant, customer)
    places = [one["href"] for one in browser.get("/atelier/site-map").select("main a")]
    assert len(places) == len(set(places)) > 10
    for place in places:
        answer = browser.client.get(place)
        assert answer.status_code in (200, 303), place


def test_a_section_that_is_left_out_is_no_page_of_it(browser, make):
    make.merchant(slug="sans", hidden_sections=[Section.PAYMENTS.value, Section.ACCESS.value])
    places = [one["href"] for one in browser.get("/sans/site-map").select("main a")]
    assert not [one for one in places if "payments" in one or "access" in one.removesuffix("accessibility")]


def test_it_is_at_the_foot_of_the_customers_pages(browser, merchant):
    for path in ("/account/atelier/login", "/atelier/legal-notice", "/atelier/accessibility"):
        assert "/atelier/site-map" in {one["href"] for one in browser.get(path).select("footer a")}


def test_what_needs_no_account_is_in_it_and_at_the_foot_of_it(browser, make):
    make.merchant(slug="beide", locale="fr", sells_to=["FR", "DE"])
    page = browser.get("/beide/site-map", Accept_Language="fr")
    wanted = ["/beide/resilier", "/beide/kuendigen", "/beide/renoncer", "/beide/widerrufen"]
    assert [one["href"] for one in page.select("#functions a")] == wanted
    assert [one.get("lang") for one in page.select("#functions a")] == [None, "de", None, "de"]
    assert {*wanted} <= {one["href"] for one in page.select("footer a")}
