"""Amounts, dates and rhythms in templates: portal.formatting in the page's language, and the reader's time zone."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache
from typing import Final

import flask_babel
from flask import Flask, g
from markupsafe import Markup

from portal.domain.ends.end_requests import REFERENCE_ALPHABET
from portal.domain.integrations import return_addresses
from portal.domain.money.money import Money
from portal.domain.people import email_addresses
from portal.formatting import Formatter, has_clock
from portal.web import locale

# « K7QM-4TXD » in the text of a page's HTML, found by its hyphen: pages have few of them.
LETTERS: Final = f"[{REFERENCE_ALPHABET}]{{4}}"
REFERENCE: Final = re.compile(
    rf"-{LETTERS}(?![\w-])(?<={LETTERS}-....)(?<![\w-].{{9}})(?=[^<>]*<)(?![^<]*</(?:textarea|option|title))"
)
ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")  # an email address, and nothing beside it
SHORT_DOMAIN: Final = 20  # letters: it stays in one piece
DEFAULT_ZONE: Final = "Europe/Paris"  # of pages without a merchant, as of a new merchant


def install(app: Flask) -> None:
    """Register a filter for each of the formatter's words (`money`, `day`, `short`…), and what names a page's zone."""
    app.jinja_env.filters.update(
        number=_number,
        money=_money,
        price=_price,
        interval=_interval,
        day=_day,
        date=_date,
        last_day=_last_day,
        hour=_hour,
        moment=_moment,
        short=_short,
        short_day=_short_day,
        short_last_day=_short_last_day,
        device=_device,
        address=email_addresses.shown,
        breakable=_breakable,
        host=return_addresses.host_of,
    )
    app.jinja_env.filters.update(with_zone=_with_zone, with_references=_with_references)
    app.jinja_env.globals.update(zone_line=_zone_line)


def _with_zone(page: Markup) -> Markup:
    """Only our own words are put in, between two texts that are escaped already."""
    return Markup(formatter().with_zone(page))  # noqa: S704


def _with_references(page: Markup) -> Markup:
    """Keep each reference that a page's text says on one line: it is read aloud, and copied.

    In the page that is made, so that no sentence has to think of it; in none of its tags, and in no field.
    """
    pieces, done = [], 0
    for found in REFERENCE.finditer(page):
        begin = found.start() - len("K7QM")
        pieces += [page[done:begin], '<span class="reference">', page[begin : found.end()], "</span>"]
        done = found.end()
    return Markup("".join([*pieces, page[done:]]))  # noqa: S704 - our own tags in what is escaped already


def _zone_line(page: Markup) -> str:
    """Return the line of `Formatter.zone_line` for a page; its tags are taken out only where it holds a clock."""
    return formatter().zone_line(page.striptags()) if has_clock(page) else ""


def _short(at: datetime | None) -> str:
    return formatter().short(at)


def _short_day(at: datetime | None) -> str:
    return formatter().short_day(at)


def _short_last_day(until: datetime | None) -> str:
    return formatter().short_last_day(until)


def _device(kept: str) -> str:
    return formatter().device(kept)


def keep_shops_clock() -> None:
    """Say every date of this answer by the shop's clock, whoever reads it: papers that it gives out keep it, too."""
    g.shops_clock = True
    g.pop("formatter", None)


def formatter() -> Formatter:
    """Return the formatter of this answer, for views that compose a sentence."""
    merchant, person = g.get("merchant"), g.get("person")
    (whose, reader), found = g.get("formatter", ((None, None), None))
    if found is None or whose is not merchant or reader is not person:
        zone = person.time_zone if person is not None and not g.get("shops_clock") else None
        found = _formatter(locale.current(), zone or (merchant.time_zone if merchant else DEFAULT_ZONE))
        g.formatter = (merchant, person), found
    return found


@cache
def _formatter(language: str, time_zone: str) -> Formatter:
    return Formatter(language, time_zone, flask_babel)


def _number(value: object) -> object:
    """Return a count as the reader writes it; anything that is no whole number stays as it is."""
    return formatter().number(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _breakable(value: object) -> object:
    """Let an email address that stands alone go on, where it must, in a new line before its « @ », not within a word.

    A long domain may do so after its dots as well.  The break is no character: what is copied is the address.
    Anything else stays as it is.
    """
    if not isinstance(value, str) or isinstance(value, Markup) or not ADDRESS.fullmatch(value):
        return value
    local, _at, domain = value.rpartition("@")
    parts = [domain] if len(domain) <= SHORT_DOMAIN else domain.split(".")
    return Markup("{}<wbr>@{}").format(local, Markup(".<wbr>").join(parts))


def _money(value: Money | None) -> str:
    return formatter().money(value)


def _price(value: Money | None, unit: str | None, count: int | None = 1) -> str:
    return formatter().price(value, unit, count)


def _interval(unit: str | None, count: int | None = 1) -> str:
    return formatter().rhythm(unit, count)


def _day(at: datetime | None) -> str:
    return formatter().day(at)


def _date(on: date) -> str:
    return formatter().date(on)


def _last_day(until: datetime | None) -> str:
    return formatter().last_day(until)


def _hour(at: datetime | None) -> str:
    return formatter().hour(at)


def _moment(at: datetime | None) -> str:
    return formatter().moment(at)
