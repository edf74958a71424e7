"""The table of countries: what each law wants of the two functions, told here in the law's own words (law.md 1–3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from portal.domain.law import countries
from portal.domain.law.countries import (
    FILLED_IN,
    LAWS,
    Country,
    Field,
    Function,
    Step,
    known,
    may_be_chosen,
    of_page,
    pages,
    strategy,
)
from portal.domain.law.orders import BUTTONS

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
def test_every_country_has_its_words_for_the_button_of_an_order():
    assert set(BUTTONS) == {country.value for country in FILLED_IN}


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


@pytest.mark.law("R-UK-1", "R-UK-4")
@pytest.mark.parametrize(
    ("begins", "today", "is_on"),
    [
        (None, date(2099, 1, 1), False),
        (date(2027, 4, 6), date(2027, 4, 5), False),
        (date(2027, 4, 6), date(2027, 4, 6), True),
        (date(2027, 1, 1), date(2027, 1, 31), True),  # the sources differ: the day is whatever is set
    ],
)
def test_the_british_regime_is_off_before_the_date_that_is_set(monkeypatch, begins, today, is_on):
    assert not may_be_chosen(Country.UK, date(2099, 1, 1), begins=date(2000, 1, 1)), "its row is empty"
    made = replace(LAWS[Country.DE], is_dated=LAWS[Country.UK].is_dated)  # as if somebody had filled it in
    monkeypatch.setattr(countries, "LAWS", {**LAWS, Country.UK: made})
    assert may_be_chosen(Country.UK, today, begins=begins) is is_on
    assert may_be_chosen(Country.FR, today, begins=begins), "what is in force does not wait"


@pytest.mark.law("R-NL-1")
def test_a_country_that_is_not_made_yet_is_a_row_with_its_source_and_cannot_be_chosen():
    empty = set(Country) - set(FILLED_IN)
    assert Country.NL in empty
    assert "6:230oa BW" in LAWS[Country.NL].source
    for country in empty:
        assert LAWS[country].source
        assert not may_be_chosen(country, date(2099, 1, 1), begins=date(2000, 1, 1))
