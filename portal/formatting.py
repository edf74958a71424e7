"""Amounts, dates and rhythms in words, for the page and for mails alike: dates in full, clocks bare.

Whose clock it is, is said once a page, mail or file: with its first moment, or in the caption of the table where that
stands (`with_zone`); in a line below where it is neither (`zone_line`).

What is unknown is said to be unknown; nothing here ever returns an empty text (domain.md).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from math import floor
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_location, get_timezone_name
from babel.numbers import format_currency, format_decimal

FORMATS: Final[Mapping[str, str]] = {
    "fr": "fr",
    "en": "en_GB",
    "de": "de",
}  # language → whose habits for dates and amounts
NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}"
LETTER_BEFORE_DIGIT: Final = re.compile(r"(?<=[A-Z])(?=[0-9])")  # "CHF 12.00", but "US$12.00"
DAY_IN_FULL: Final = "EEEE d MMMM y"
FIRST_IN_FRENCH: Final = "EEEE d'er' MMMM y"  # « jeudi 1er avril 2027 »
IN_GERMAN: Final = "d. MMMM y"  # no weekday: „am“, „bis zum“ and „vom“ would each bend it
WEEKDAY: Final = "EEEE "
MINUTES: Final = re.compile(r":\d\d\b")  # of a clock: begins with a letter that is quickly found
CLOCK: Final = re.compile(r"\b\d\d:\d\d\b")
# The first moment of a text or a page: after a year, or after a word that leads to an hour. A tag and what is typed
# into a form are passed over; a table says it in its caption, so that its cells stay short.
FIRST_MOMENT: Final = re.compile(
    r"<(table|textarea|select)\b.*?</\1>|<[^>]*>"
    r"|(?P<moment>(?:\b\d{4}, |\b(?:à|de|avant|jusqu’à|at|from|until|before|um|von|vor|bis) )"
    r"\d\d:\d\d\b(?: Uhr\b)?)",
    re.DOTALL,
)


class Words(Protocol):
    """gettext of some language: `i18n.Translator`, or the module `flask_babel` inside a request."""

    def gettext(self, string: str, /, **variables: object) -> str: ...
    def ngettext(self, singular: str, plural: str, num: int, /, **variables: object) -> str: ...


class Priced(Protocol):
    """An amount with its currency (`domain.money.Money`)."""

    @property
    def amount(self) -> Decimal: ...
    @property
    def currency(self) -> str: ...


def has_clock(said: str) -> bool:
    """Say whether a text, or a page's HTML, may hold a moment: most hold none, and need not be searched for it."""
    return MINUTES.search(said) is not None


def _pattern(day: date, habits: str) -> str:
    if habits == "de":
        return IN_GERMAN
    return FIRST_IN_FRENCH if habits == "fr" and day.day == 1 else DAY_IN_FULL


# A process says the same few dates and prices over and over, and Babel reads a pattern anew each time.
@lru_cache(maxsize=1024)
def _date(day: date, pattern: str, habits: str) -> str:
    return format_date(day, pattern, locale=habits)


@lru_cache(maxsize=512)
def _time(local: time, habits: str) -> str:
    return format_time(local, "HH:mm", locale=habits)


@lru_cache(maxsize=512)
def _amount(amount: str, currency: str, habits: str) -> str:
    """Return an amount, which comes as text: equal numbers may be written in two ways (0 and -0)."""
    said = format_currency(Decimal(amount), currency, locale=habits)
    said = LETTER_BEFORE_DIGIT.sub(NO_BREAK_SPACE, said)  # as CLDR's currencySpacing wants, which Babel leaves out
    return said.replace("JP¥", "¥")  # in English the bare sign is the yen's alone: the yuan's is "CN¥"


def _within(until: datetime | None) -> datetime | None:
    return until - timedelta(microseconds=1) if until is not None else None


@dataclass(frozen=True)
class Formatter:
    """Formats for one reader: a language (`fr`, `en`, `de`), the merchant's time zone (IANA name), the words."""

    locale: str
    time_zone: str
    words: Words

    def money(self, value: Priced | None) -> str:
        """Return an amount with its currency's own decimals: « 12,00 € », "€12.00", « 1 200 JPY »."""
        if value is None:
            return self.words.gettext("amount unknown")
        return _amount(str(value.amount), value.currency, self._format)

    def number(self, value: int) -> str:
        """Return a count as the reader writes it: « 10 000 », "10,000"."""
        return format_decimal(value, locale=self._format)

    def tenths(self, value: float) -> str:
        """Return a measure cut to tenths, so that one below a bound never reads as the bound: « 4,4 »."""
        return format_decimal(floor(value * 10) / 10, format="0.0", locale=self._format)

    def rhythm(self, unit: str | None, count: int | None = 1) -> str:
        """Return PayPal's interval in words: « par mois », « tous les 3 mois »."""
        if count is None or count < 1:
            return self.words.gettext("billing cycle unknown")
        match unit:
            case "DAY":
                return self.words.ngettext("per day", "every %(num)d days", count)
            case "WEEK":
                return self.words.ngettext("per week", "every %(num)d weeks", count)
            case "MONTH":
                return self.words.ngettext("per month", "every %(num)d months", count)
            case "YEAR":
                return self.words.ngettext("per year", "every %(num)d years", count)
        return self.words.gettext("billing cycle unknown")

    def price(self, value: Priced | None, unit: str | None, count: int | None = 1) -> str:
        """Return an amount and its rhythm: « 12,00 € par mois »; each part may be unknown."""
        if value is None:
            return self.money(None)
        rhythm = self.rhythm(unit, count)
        if rhythm == self.words.gettext("billing cycle unknown"):
            return f"{self.money(value)}, {rhythm}"
        return f"{self.money(value)} {rhythm}"

    def day(self, at: datetime | None) -> str:
        """Return the local date in full: « samedi 3 avril 2027 », "Saturday 3 April 2027", „3. April 2027“."""
        if at is None:
            return self.words.gettext("date unknown")
        return self.date(self._local(at).date())

    def bare_date(self, day: date) -> str:
        """Return a date for a button: « 20 février 2027 », « 1er avril 2027 »."""
        return _date(day, _pattern(day, self._format).removeprefix(WEEKDAY), self._format)

    def short_date(self, day: date) -> str:
        """Return a date for a table: « 28 nov. 2026 », „28. Nov. 2026“."""
        return _date(day, "d. MMM y" if self.locale == "de" else "d MMM y", self._format)

    def date(self, day: date) -> str:
        """Return a date that has no hour, in full."""
        return _date(day, _pattern(day, self._format), self._format)

    def hour(self, at: datetime | None) -> str:
        """Return the local time: « 16:05 »."""
        return self.clock(at) if at is not None else self.words.gettext("time unknown")

    def clock(self, at: datetime) -> str:
        """Return the bare local time; in the hour that autumn repeats, with the name that tells which of the two."""
        local = self._local(at)
        words = _time(local.time(), self._format)
        if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
            return words
        return f"{words} ({get_timezone_name(local, width='long', locale=self._format)})"

    @property
    def zone(self) -> str:
        """Whose clock it is: « heure de Paris », "Paris time"."""
        if self.time_zone in ("UTC", "Etc/UTC"):
            return "UTC"
        city = self.city(self.time_zone)
        if self.locale == "fr" and unicodedata.normalize("NFD", city)[0] in "AEIOUYaeiouy":
            return self.words.gettext("%(city)s time (before a vowel)", city=city)
        return self.words.gettext("%(city)s time", city=city)

    def city(self, time_zone: str) -> str:
        """Return the city, or the island, that a zone (IANA name) is known by: « Bruxelles »."""
        return get_timezone_location(time_zone, locale=self._format, return_city=True)

    def country(self, code: str) -> str:
        """Return the name of a country (ISO 3166): « Allemagne »."""
        return str(Locale.parse(self._format).territories[code])

    def with_zone(self, said: str) -> str:
        """Return a text, or a page's HTML, whose first moment says whose clock it is: « à 16:05 (heure de Paris) ».

        The others stay bare (a time once, then bare).  Where none is found, nothing changes.
        """
        if not has_clock(said):
            return said
        for found in FIRST_MOMENT.finditer(said):
            place = found.end() if found["moment"] is not None else -1
            if found[1] == "table" and CLOCK.search(found[0]) is not None:
                place = said.find("</caption>", found.start(), found.end())
            if place >= 0 and not said.startswith(" (", place):
                return f"{said[:place]} ({self.zone}){said[place:]}"
        return said

    def zone_line(self, said: str) -> str:
        """Return the line that a text with a clock in it still needs, to say whose clock that is; else nothing."""
        if f"({self.zone})" in said or CLOCK.search(said) is None:
            return ""
        return self.words.gettext("Times: %(zone)s", zone=self.zone)

    def short(self, at: datetime | None) -> str:
        """Return a moment for a table, its zone said once a page: « 28 nov. 2026, 04:05 »."""
        if at is None:
            return self.words.gettext("date unknown")
        return f"{self.short_day(at)}, {self.clock(at)}"

    def short_day(self, at: datetime | None) -> str:
        """Return the local date for a table: « 28 nov. 2026 »."""
        if at is None:
            return self.words.gettext("date unknown")
        return self.short_date(self._local(at).date())

    def moment(self, at: datetime | None) -> str:
        """Return date and time: « samedi 3 avril 2027 à 16:05 »."""
        if at is None:
            return self.words.gettext("date unknown")
        return self.words.gettext("%(date)s at %(time)s", date=self.day(at), time=self.hour(at))

    def last_day(self, until: datetime | None) -> str:
        """Return the last local day on which something open until `until` (exclusive) is still open.

        Midnight local time means the day before: who reads "until Saturday 3 April" counts on that Saturday.
        With an hour in the day, that day is the last one, though access stops in its course.
        """
        return self.day(_within(until))

    def short_last_day(self, until: datetime | None) -> str:
        """Return the last day for a table, as `last_day` reckons it: « 28 nov. 2026 »."""
        return self.short_day(_within(until))

    def device(self, kept: str) -> str:
        """Return a browser as a session keeps it, « Firefox · Windows », in words: « Firefox sur Windows »."""
        browser, dot, system = kept.partition(" · ")
        if not dot:
            return kept or self.words.gettext("Unknown browser")
        return self.words.gettext("%(browser)s on %(system)s", browser=browser, system=system)

    @property
    def _format(self) -> str:
        return FORMATS[self.locale]

    def _local(self, at: datetime) -> datetime:
        if at.tzinfo is None:
            raise ValueError("a naive datetime has no local time")
        return at.astimezone(ZoneInfo(self.time_zone))
