"""The table of countries: what each law wants of the two functions, told here in the law's own words (law.md 1–3)."""

from __future__ import annotations

import pytest

from portal.domain.countries import (
    FILLED_IN,
    LAWS,
    Country,
    Field,
    Function,
    Step,
    known,
    of_page,
    pages,
    strategy,
)
from portal.domain.orders import order_button

BOUND = {
    (Country.FR, Function.CANCELLATION, "fr"): ("Résilier votre contrat", "Notification de la résiliation"),
    (Country.FR, Function.WITHDRAWAL, "fr"): ("Renoncer au contrat ici", "Confirmer la rétractation"),
    (Country.DE, Function.CANCELLATION, "de"): ("Verträge hier kündigen", "jetzt kündigen"),
    (Country.DE, Function.WITHDRAWAL, "de"): ("Vertrag widerrufen", "Widerruf bestätigen"),
}


@pytest.mark.law("R-FR-1", "R-FR-11", "R-FR-40", "R-FR-43", "R-DE-1", "R-DE-5", "R-DE-20")
def test_the_labels_are_the_laws():
    for (country, function, language), (entry, confirm) in BOUND.items():
        labels = strategy(country, function).said(language)
        assert (labels.entry, labels.confirm) == (entry, confirm)
        assert "demande" not in labels.confirm.lower()


@pytest.mark.law("R-FR-62", "R-DE-30")
def test_what_the_button_of_an_order_says_is_data_too():
    assert {country: LAWS[country].order for country in FILLED_IN} == {
        Country.FR: "Commande avec obligation de paiement",
        Country.DE: "zahlungspflichtig bestellen",
    }
    for country in FILLED_IN:  # the page that sells
        language = LAWS[country].cancellation.language
        assert order_button(language, country=country.value) == LAWS[country].order


@pytest.mark.law("R-FR-7", "R-DE-4")
def test_nothing_is_compulsory_that_the_law_does_not_name():
    named = {Field.NAME, Field.EMAIL, Field.KIND}
    for country in FILLED_IN:
        for function in Function:
            asked = strategy(country, function).fields
            assert {one.field for one in asked if one.is_required} <= named
            assert len({one.field for one in asked}) == len(asked)


@pytest.mark.law("R-FR-10", "R-DE-2", "R-DE-5", "R-DP-5")
def test_france_has_a_summary_and_germany_one_page():
    assert strategy(Country.FR, Function.CANCELLATION).steps == (Step.FORM, Step.SUMMARY, Step.DONE)
    assert strategy(Country.DE, Function.CANCELLATION).steps == (Step.FORM, Step.DONE)


def test_only_two_rows_are_filled_in_and_every_row_has_its_source():
    assert FILLED_IN == (Country.FR, Country.DE)
    assert set(LAWS) == set(Country)
    assert all(law.source for law in LAWS.values())
    with pytest.raises(KeyError):
        strategy(Country.US_CA, Function.CANCELLATION)


def test_a_strategy_is_not_a_language():
    for home in FILLED_IN:
        found, language = of_page(Function.CANCELLATION, "cancel-contract", home=home)
        assert (found.country, language) == (home, "en")
    for page, country in (("resilier", Country.FR), ("kuendigen", Country.DE)):
        assert of_page(Function.CANCELLATION, page, home=Country.FR)[0].country is country
    with pytest.raises(KeyError):
        of_page(Function.CANCELLATION, "renoncer", home=Country.FR)
    assert pages(Function.CANCELLATION) == ("resilier", "cancel-contract", "kuendigen")


def test_a_stored_word_of_a_later_release_is_left_out():
    assert known(["DE", "XX", "BE", "FR"]) == (Country.FR, Country.DE)
