"""What a merchant wrote carries its own language where the page speaks another (RGAA 8.7, law.md R-AC-1)."""

from __future__ import annotations

import pytest


@pytest.fixture
def page_of(browser, make, log_in_customer):
    def shown(page_language: str):
        merchant = make.merchant(
            slug="atelier", locale="fr", cancellation_text="Écrivez-nous.", self_cancellation=False
        )
        product = make.product(merchant, name="Cours <du> soir", contents=(("Premiers pas", 0),))
        subscription = make.subscription(merchant=merchant, product=product)
        log_in_customer(browser, merchant, subscription.customer)
        return browser.get(f"/account/atelier/subscriptions/{subscription.id}", Accept_Language=page_language)

    return shown


@pytest.mark.law("R-AC-1")
def test_on_a_page_of_another_language_they_are_marked(page_of):
    page = page_of("en")
    marked = [one.get_text() for one in page.select("main [lang=fr]")]
    assert page.language == "en"
    assert {"Cours <du> soir", "Premiers pas", "Écrivez-nous."} <= set(marked)


def test_on_a_page_of_their_own_nothing_is(page_of):
    page = page_of("fr")
    assert page.language == "fr"
    assert page.select("main [lang]") == []
