"""Which language a page speaks, and the switch (issue 2, Pages)."""

from __future__ import annotations

import pytest

from portal.models import Customer


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "fr"), ("en-GB,en;q=0.8", "en"), ("de-DE,en;q=0.5,fr;q=0.4", "en"), ("de", "fr"), ("nonsense;;", "fr")],
)
def test_without_any_choice_the_browser_decides_and_else_french(browser, accepted, language):
    assert browser.get("/accessibility", Accept_Language=accepted).language == language


def test_the_language_does_not_change_at_log_in(browser, make, log_in_customer, ctx):
    """A French browser whose customer once chose English elsewhere reads French throughout; their mails stay theirs."""
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr-FR,fr;q=0.9,en;q=0.5"
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant, locale="en")
    assert browser.get(f"/account/{merchant.slug}/login").language == "fr"
    assert log_in_customer(browser, merchant, customer).language == "fr"
    assert browser.get(f"/account/{merchant.slug}/").language == "fr"
    with ctx.db.read() as session:
        assert session.get_one(Customer, customer.id).locale == "en"


def test_choice_before_browser_before_person_before_merchant(browser, make, log_in_customer, ctx):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant, locale="fr")
    assert browser.get(f"/account/{merchant.slug}/login").language == "en"
    assert browser.get(f"/account/{merchant.slug}/login", Accept_Language="fr").language == "fr"
    assert browser.get(f"/account/{merchant.slug}/login", Accept_Language="de").language == "en"
    page = log_in_customer(browser, merchant, customer)
    assert page.language == "fr"
    page = page.submit(press="English")
    assert page.language == "en"
    with ctx.db.read() as session:
        assert session.get(Customer, customer.id).locale == "fr"  # their record is theirs to change elsewhere


def test_the_choice_outlives_log_in_and_log_out(browser, make, log_in_customer):
    merchant = make.merchant(locale="fr")
    browser.get(f"/account/{merchant.slug}/login").submit(press="English")
    page = log_in_customer(browser, merchant, make.customer(merchant))
    assert page.language == "en"
    assert page.submit(press="Log out").language == "en"


def test_the_switch_comes_back_to_the_same_page(browser):
    page = browser.get("/accessibility?x=1&y=2", Accept_Language="fr").submit(press="English")
    assert (page.path, page.language) == ("/accessibility?x=1&y=2", "en")
    assert page.submit(press="Français").language == "fr"


@pytest.mark.parametrize("wish", ["https://evil.test/", "//evil.test", "/\\evil.test", "/language", "", "/nowhere"])
def test_the_switch_leads_nowhere_else(browser, wish):
    token = browser.values_of(browser.get("/accessibility"))["csrf_token"]
    answer = browser.post("/language", {"csrf_token": token, "language": "en", "next": wish}, status=303)
    assert answer.response.headers["Location"] == "/"


def test_a_language_that_does_not_exist_is_ignored(browser):
    token = browser.values_of(browser.get("/accessibility"))["csrf_token"]
    browser.post("/language", {"csrf_token": token, "language": "xx", "next": "/accessibility"}, status=303)
    assert browser.get("/accessibility", Accept_Language="en").language == "en"
