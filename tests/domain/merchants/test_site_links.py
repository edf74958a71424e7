"""What a merchant pastes on its own site: the words of the law, the addresses filled in."""

from __future__ import annotations

from datetime import date
from html.parser import HTMLParser

import pytest

from portal.domain.law.countries import Country
from portal.domain.merchants.site_links import Place, languages, missing, placed_with, snippets

BASE = "https://portal.example/"


def pasted(language, home=Country.FR):
    return {one.place.value: one for one in snippets(BASE, "atelier", language, home)}


@pytest.mark.law("R-FR-3", "R-EU-7")
@pytest.mark.parametrize(
    ("language", "place", "text"),
    [
        ("fr", "cancellation", "Résilier votre contrat\nhttps://portal.example/atelier/resilier"),
        ("fr", "withdrawal", "Renoncer au contrat ici\nhttps://portal.example/atelier/renoncer"),
        ("en", "cancellation", "Cancel your contract\nhttps://portal.example/atelier/cancel-contract"),
        ("en", "withdrawal", "Withdraw from contract here\nhttps://portal.example/atelier/withdraw-from-contract"),
        ("de", "cancellation", "Verträge hier kündigen\nhttps://portal.example/atelier/kuendigen"),
        ("de", "withdrawal", "Vertrag widerrufen\nhttps://portal.example/atelier/widerrufen"),
    ],
)
def test_the_links_have_the_words_of_the_law_and_lead_to_the_form(language, place, text):
    one = pasted(language)[place]
    assert one.text == text
    words, url = text.split("\n")
    assert one.html == f'<a href="{url}">{words}</a>'


def test_english_words_are_those_of_the_country_that_the_merchant_is_in_and_german_ones_are_for_sales_there():
    one = pasted("en", Country.DE)["cancellation"]
    assert one.text == "Cancel contracts here\nhttps://portal.example/atelier/cancel-contract"
    assert "“Cancel contracts here”: https://portal.example/atelier/cancel" in pasted("en", Country.DE)["terms"].text
    assert languages([Country.FR]) == ("fr", "en")
    assert set(languages([Country.FR, Country.DE])) == {"fr", "en", "de"}


@pytest.mark.law("R-FR-45")
def test_the_sentence_of_the_model_notice_is_that_of_the_decree():
    assert pasted("fr")["notice"].text == (
        "Vous pouvez également exercer votre droit de rétractation en ligne sur"
        " https://portal.example/atelier/renoncer. Si vous utilisez cette fonctionnalité en ligne, nous vous enverrons,"
        " dans les meilleurs délais, un accusé de réception de la rétractation sur un support durable (par exemple, par"
        " courriel), y compris son contenu ainsi que la date et l’heure de sa soumission."
    )


@pytest.mark.law("R-FR-45")
@pytest.mark.parametrize("language", ["fr", "en", "de"])
def test_the_terms_say_that_both_functions_exist_and_where(language):
    found = pasted(language)
    for place in ("cancellation", "withdrawal"):
        label, url = found[place].text.split("\n")
        assert label in found["terms"].text
        assert url in found["terms"].text
    assert "https://portal.example/atelier/accessibility" in found["accessibility"].text


@pytest.mark.parametrize("language", ["fr", "en", "de"])
def test_the_html_says_what_the_text_says(language):
    for one in pasted(language).values():
        said = []
        parser = HTMLParser()
        parser.handle_data = said.append
        parser.feed(one.html)
        assert "".join(said) == (one.text.split("\n")[0])
        assert "{" not in one.text + one.html


def test_what_is_placed_keeps_its_first_day_and_what_is_not_is_missing():
    first, later = date(2026, 11, 29), date(2027, 1, 3)
    placed = placed_with({}, Place.NOTICE, on=first, is_placed=True)
    placed = placed_with(placed, Place.NOTICE, on=later, is_placed=True)
    assert placed == {"notice": "2026-11-29"}
    assert [one.value for one in missing(placed)] == ["cancellation", "withdrawal", "terms", "accessibility"]
    assert placed_with(placed, Place.NOTICE, on=later, is_placed=False) == {}
