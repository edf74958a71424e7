"""One line of a merchant's CSV, read by its matched columns: what it says, or what is wrong and in which column.

A cell that is empty says nothing: what is known stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from portal.domain.desk.file_imports import LONGEST_EXTRA, WHO, Brought, DateOrder, Field, Match, Wrong
from portal.domain.integrations.external_ids import is_external_id
from portal.domain.people.email_addresses import normal
from portal.domain.people.profiles import LONGEST_NAME

LONGEST_ADDRESS: Final = 254
LONGEST_NOTE: Final = 500
LONGEST_REFERENCE: Final = 128
ADDRESS: Final = re.compile(r"[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s.,;<>()\"]{2,}")
ID: Final = re.compile(r"(?:[a-z]+_)?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII)
SLASHED: Final = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})", re.ASCII)
ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
YEARS: Final = (1970, 2200)
LONGEST: Final[Mapping[Field, int]] = {
    Field.NAME: LONGEST_NAME,
    Field.NOTE: LONGEST_NOTE,
    Field.REFERENCE: LONGEST_REFERENCE,
    Field.EXTRA: LONGEST_EXTRA,
    Field.PRODUCT: 300,
    Field.SUBSCRIPTION: 60,
}


class BadLine(ValueError):
    """A line is refused; `column` is the place that it is about, None for the whole line."""

    def __init__(self, why: Wrong, column: int | None = None) -> None:
        super().__init__(why.value)
        self.why = why
        self.column = column


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How lines are read: as the columns were matched, in which languages somebody may be written to, whose days."""

    brought: Brought
    match: Match
    header: tuple[str, ...]
    languages: tuple[str, ...]
    zone: ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a line says; None, or nothing, where it does not."""

    line: int
    values: Mapping[Field, str] = field(default_factory=dict)
    days: Mapping[Field, date] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: Field) -> str | None:
        """Return what it says of a field."""
        return self.values.get(name)

    @property
    def content(self) -> str:
        """Return all that it says, in one text: two lines of one content do the same."""
        return repr((sorted(self.values.items()), sorted(self.days.items()), sorted(self.extra.items())))


def read(reading: Reading, line: int, cells: Sequence[str]) -> Said:
    """Return what a line says. Raises BadLine."""
    if len(cells) != len(reading.header):
        raise BadLine(Wrong.CELLS)
    values: dict[Field, str] = {}
    days: dict[Field, date] = {}
    extra: dict[str, str] = {}
    for place, (name, cell) in enumerate(zip(reading.match.columns, cells, strict=True)):
        text = cell.strip()
        if name is None or not text:
            continue
        _check_text(name, text, place)
        if name in (Field.SINCE, Field.UNTIL):
            days[name] = _day(text, place, reading)
        elif name is Field.EXTRA:
            extra[reading.header[place]] = text
        else:
            values[name] = _value(name, text, place, reading)
    _check_key(reading.brought, values, reading.match)
    return Said(line=line, values=values, days=days, extra=extra)


def _check_key(brought: Brought, values: Mapping[Field, str], match: Match) -> None:
    """Raise BadLine for a line that does not say of what it is."""
    if brought is Brought.SUBSCRIPTIONS:
        if Field.SUBSCRIPTION not in values:
            raise BadLine(Wrong.NO_SUBSCRIPTION, match.columns.index(Field.SUBSCRIPTION))
        return
    if not values.keys() & set(WHO):
        raise BadLine(Wrong.NO_CUSTOMER, next(place for place, one in enumerate(match.columns) if one in WHO))
    if brought is Brought.GRANTS and Field.PRODUCT not in values:
        raise BadLine(Wrong.NO_PRODUCT, match.columns.index(Field.PRODUCT))


def _check_text(name: Field, text: str, place: int) -> None:
    visible = " ".join(text.split()) if name in (Field.NOTE, Field.EXTRA) else text  # these may have several lines
    if any(not sign.isprintable() and sign not in "\u00a0\u202f\u2009\u200d" for sign in visible):
        raise BadLine(Wrong.BAD_TEXT, place)
    if name in LONGEST and len(text) > LONGEST[name]:
        raise BadLine(Wrong.TOO_LONG, place)


def _value(name: Field, text: str, place: int, reading: Reading) -> str:
    """Return a cell as it is compared and kept."""
    if name is Field.EMAIL:
        if len(text) > LONGEST_ADDRESS or not ADDRESS.fullmatch(text):
            raise BadLine(Wrong.BAD_EMAIL, place)
        return normal(text)
    if name is Field.EXTERNAL_ID and not is_external_id(text):
        raise BadLine(Wrong.BAD_EXTERNAL_ID, place)
    if name is Field.CUSTOMER:
        if not ID.fullmatch(text):
            raise BadLine(Wrong.BAD_ID, place)
        return text.rpartition("_")[2].replace("-", "")
    if name is Field.LANGUAGE:
        language = text.lower().replace("_", "-").partition("-")[0]
        if language not in reading.languages:
            raise BadLine(Wrong.BAD_LANGUAGE, place)
        return language
    return text


def _day(text: str, place: int, reading: Reading) -> date:
    """Return a day: ISO 8601, a moment by the merchant's clock, or as the merchant said that days are written."""
    try:
        day = _written_day(text, reading)
    except (ValueError, OverflowError):  # « never », as programs write it: in the merchant's zone a year 0, or 10000
        day = None
    if day is None or not YEARS[0] <= day.year <= YEARS[1]:
        raise BadLine(Wrong.BAD_DATE, place)
    return day


def _written_day(text: str, reading: Reading) -> date | None:
    if ISO.fullmatch(text):
        return date.fromisoformat(text)
    found = SLASHED.fullmatch(text)
    if found is not None:
        first, second, year = map(int, found.groups())
        match reading.match.date_order:
            case DateOrder.DAY_FIRST:
                return date(year, second, first)
            case DateOrder.MONTH_FIRST:
                return date(year, first, second)
            case None:
                return None
    if not ISO.match(text):
        return None
    moment = datetime.fromisoformat(text)
    return moment.astimezone(reading.zone).date() if moment.tzinfo else moment.date()
