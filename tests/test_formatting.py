"""Dates, amounts and rhythms as a reader sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portal.domain.money.money import Money
from portal.formatting import Formatter
from portal.i18n import DECLARED, Translator, catalogue, pick_locale

AFTERNOON = datetime(2027, 4, 3, 14, 5, tzinfo=UTC)


def reader(locale: str, zone: str = "Europe/Paris") -> Formatter:
    return Formatter(locale, zone, Translator(locale))


@pytest.mark.parametrize(
    ("locale", "amount", "currency", "text"),
    [
        ("en", "12", "CHF", "CHF 12.00"),
        ("en", "12", "USD", "US$12.00"),
        ("fr", "1234.5", "EUR", "1 234,50 €"),
        ("en", "1234.5", "EUR", "€1,234.50"),
        ("fr", "1200.0000", "JPY", "1 200 JPY"),
        ("en", "1200.0000", "JPY", "¥1,200"),
        ("fr", "0", "EUR", "0,00 €"),
        ("de", "1234.5", "EUR", "1.234,50 €"),
    ],
)
def test_an_amount_has_its_currencys_decimals(locale, amount, currency, text):
    shown = reader(locale).money(Money(Decimal(amount), currency))
    assert shown.replace("\u202f", " ").replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("locale", "day", "text"),
    [
        ("fr", 3, "samedi 3 avril 2027"),
        ("en", 3, "Saturday 3 April 2027"),
        ("fr", 1, "jeudi 1er avril 2027"),
        ("en", 1, "Thursday 1 April 2027"),
        ("de", 3, "3. April 2027"),
    ],
)
def test_a_date_is_written_in_full(locale, day, text):
    assert reader(locale).day(AFTERNOON.replace(day=day)) == text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Europe/Paris", "Sunday 4 April 2027 at 00:30 (Paris time)"),
        ("Indian/Reunion", "Sunday 4 April 2027 at 02:30 (Réunion time)"),
        ("America/Martinique", "Saturday 3 April 2027 at 18:30 (Martinique time)"),
    ],
)
def test_a_moment_is_the_merchants_and_names_its_zone(zone, text):
    fmt = reader("en", zone)
    assert fmt.with_zone(fmt.moment(datetime(2027, 4, 3, 22, 30, tzinfo=UTC))) == text


def test_the_repeated_hour_of_autumn_can_be_told_apart():
    summer, winter = (datetime(2027, 10, 31, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert reader("fr").moment(summer).startswith("dimanche 31 octobre 2027")
    assert reader("fr").moment(summer) != reader("fr").moment(winter)


def test_a_table_says_a_moment_in_short_and_the_page_its_zone_once():
    at = datetime(2026, 11, 28, 3, 5, tzinfo=UTC)
    assert (reader("fr").short(at), reader("fr").zone) == ("28 nov. 2026, 04:05", "heure de Paris")
    assert (reader("en").short(at), reader("en").zone) == ("28 Nov 2026, 04:05", "Paris time")
    assert [reader("fr", zone).zone for zone in ("Europe/Athens", "Indian/Reunion", "UTC")] == [
        "heure d’Athènes",
        "heure de La Réunion",
        "UTC",
    ]


def test_german_says_its_hours_with_uhr_and_the_zone_after_it():
    fmt, at = reader("de"), datetime(2026, 11, 28, 8, 58, tzinfo=UTC)
    assert fmt.with_zone(f"am {fmt.moment(at)} und um 10:05 Uhr") == (
        "am 28. November 2026 um 09:58 Uhr (Ortszeit Paris) und um 10:05 Uhr"
    )
    assert (fmt.short(at), fmt.bare_date(at.date())) == ("28. Nov. 2026, 09:58", "28. November 2026")
    assert fmt.price(Money(Decimal(12), "EUR"), "MONTH", 3) == "12,00\xa0€ alle 3 Monate"


def test_the_zone_is_said_once_where_a_clock_is_and_nowhere_else():
    fmt, at = reader("fr"), datetime(2026, 11, 28, 8, 58, tzinfo=UTC)
    assert fmt.zone_line(f"{fmt.moment(at)}, puis {fmt.hour(at)}") == "Heures indiquées à l’heure de Paris"
    assert fmt.zone_line(fmt.with_zone(fmt.moment(at))) == ""
    assert fmt.zone_line(f"{fmt.day(at)}, {fmt.short_day(at)}") == ""


@pytest.mark.parametrize(
    ("page", "zoned"),
    [
        ("envoyé à 09:58, valable jusqu’à 10:08", "envoyé à 09:58 (heure de Paris), valable jusqu’à 10:08"),
        ("<b>28 nov. 2026, 09:58</b> <b>10:08</b>", "<b>28 nov. 2026, 09:58 (heure de Paris)</b> <b>10:08</b>"),
        ("<p title='à 09:58'>puis à 10:08</p>", "<p title='à 09:58'>puis à 10:08 (heure de Paris)</p>"),
        ("<select>le 2, 2026, 09:58</select>à 10:08", "<select>le 2, 2026, 09:58</select>à 10:08 (heure de Paris)"),
        ("Cours de 2026 et Yoga 09:58", "Cours de 2026 et Yoga 09:58"),  # a product's name is left as it is
    ],
)  # fmt: skip
def test_the_first_moment_that_is_read_says_whose_clock_it_is(page, zoned):
    assert reader("fr").with_zone(page) == zoned


def test_a_table_says_it_in_its_caption_and_keeps_its_cells_short():
    table = "<table><caption>Actes{}</caption><td>28 nov. 2026, 09:58</td></table> puis à 10:08"
    assert reader("fr").with_zone(table.format("")) == table.format(" (heure de Paris)")
    nameless = "<table><td>28 nov. 2026, 09:58</td></table>"
    assert reader("fr").with_zone(nameless) == nameless
    assert reader("fr").zone_line(nameless) != ""


def test_a_count_is_written_as_the_reader_writes_it():
    assert reader("fr").number(10000) == "10\u202f000"
    assert reader("en").number(1234567) == "1,234,567"
    assert reader("fr").number(999) == "999"


@pytest.mark.parametrize(
    ("until", "last"),
    [
        (datetime(2027, 4, 3, 22, 0, tzinfo=UTC), "Saturday 3 April 2027"),  # midnight in Paris, exclusive
        (datetime(2027, 4, 3, 22, 1, tzinfo=UTC), "Sunday 4 April 2027"),
        (datetime(2027, 4, 3, 21, 59, tzinfo=UTC), "Saturday 3 April 2027"),
        (datetime(2027, 2, 28, 23, 0, tzinfo=UTC), "Sunday 28 February 2027"),
    ],
)
def test_the_last_day_is_one_on_which_it_is_still_open(until, last):
    assert reader("en").last_day(until) == last


def test_a_naive_date_is_refused():
    with pytest.raises(ValueError, match="naive"):
        reader("fr").day(datetime(2027, 4, 3))  # noqa: DTZ001 - what is tested


@pytest.mark.parametrize(
    ("locale", "unit", "count", "text"),
    [
        ("en", "MONTH", 1, "per month"),
        ("en", "MONTH", 3, "every 3 months"),
        ("en", "YEAR", 1, "per year"),
        ("fr", "MONTH", 1, "par mois"),
        ("fr", "MONTH", 3, "tous les 3 mois"),
        ("fr", "WEEK", 2, "toutes les 2 semaines"),
        ("fr", "DAY", 1, "par jour"),
        ("fr", "YEAR", 2, "tous les 2 ans"),
    ],
)
def test_a_rhythm_in_words(locale, unit, count, text):
    assert reader(locale).rhythm(unit, count) == text


def test_a_price_is_an_amount_and_a_rhythm():
    assert reader("en").price(Money(Decimal(12), "EUR"), "MONTH", 3) == "€12.00 every 3 months"
    assert reader("en").price(Money(Decimal(12), "EUR"), None) == "€12.00, billing cycle unknown"
    assert reader("en").price(None, "MONTH") == "amount unknown"


@pytest.mark.parametrize(("locale", "word"), [("en", "unknown"), ("fr", "inconnu")])
def test_what_is_unknown_is_said(locale, word):
    shown = reader(locale)
    unknown = (shown.money(None), shown.day(None), shown.moment(None), shown.hour(None), shown.last_day(None))
    assert all(word in text for text in (*unknown, shown.rhythm(None), shown.rhythm("MONTH", 0), shown.rhythm("EON")))


@pytest.mark.parametrize(
    ("wishes", "picked"),
    [
        (("en-GB",), "en"),
        (("fr_CA",), "fr"),
        (("de", "en"), "en"),
        ((None, ""), "fr"),
        (("../../etc", None), "fr"),
    ],
)
def test_a_language_that_exists_is_picked(wishes, picked):
    assert pick_locale(*wishes) == picked


def test_german_is_picked_only_where_it_is_among_the_languages():
    assert pick_locale("de-AT", "en") == "en"
    assert pick_locale("de-AT", "en", among=DECLARED) == "de"
    assert pick_locale("it", None, among=DECLARED) == "fr"


def test_only_known_languages_have_a_catalogue():
    assert all(catalogue(locale) is catalogue(locale) for locale in DECLARED)
    with pytest.raises(ValueError, match="no language"):
        catalogue("../fr")
