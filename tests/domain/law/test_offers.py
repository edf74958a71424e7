"""The one offer: what is stored, in which language it is read, and under whose law there is none."""

from __future__ import annotations

import pytest

from portal.domain.law.countries import FILLED_IN, Country
from portal.domain.law.offers import FIELDS, OfferKind, is_admitted, kind_of, text_of, with_answer


def test_nothing_is_offered_until_somebody_says_so():
    assert kind_of({}) is OfferKind.NONE
    assert kind_of({"offer_kind": "a later one"}) is OfferKind.NONE
    assert {name: with_answer({}, name, value) for name, value in FIELDS.items()} == {key: {} for key in FIELDS}


def test_answers_are_kept_one_by_one_and_go_with_the_usual_one():
    stored = with_answer(with_answer({}, "offer_kind", "pause"), "offer_text_en", "Rest")
    assert kind_of(stored) is OfferKind.PAUSE
    assert with_answer(stored, "offer_kind", "none") == {"offer_text_en": "Rest"}


@pytest.mark.parametrize(
    ("fr", "en", "read_in_fr", "read_in_en"),
    [
        ("Bonjour", "Hello", ("Bonjour", "fr"), ("Hello", "en")),
        ("Bonjour", "", ("Bonjour", "fr"), ("Bonjour", "fr")),
        ("", "Hello", ("Hello", "en"), ("Hello", "en")),
        ("", "", ("", ""), ("", "")),
    ],
)
def test_it_is_read_in_the_readers_language_or_in_the_other(fr, en, read_in_fr, read_in_en):
    stored = {"offer_text_fr": fr, "offer_text_en": en}
    assert (text_of(stored, "fr"), text_of(stored, "en")) == (read_in_fr, read_in_en)


def test_german_law_has_no_place_for_one():
    assert [country for country in FILLED_IN if not is_admitted(country)] == [Country.DE]
