"""The shapes of what comes in and goes out, as the description shows them; tests hold every answer against them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final, cast

from apiflask import Schema
from apiflask.fields import AwareDateTime, Boolean, Date, Integer, List, Nested, String
from apiflask.validators import Length, OneOf, Range
from marshmallow import RAISE, ValidationError
from marshmallow.fields import Field

from portal.domain.integrations.external_ids import LONGEST, is_external_id
from portal.domain.integrations.public_ids import Kind, NoSuchId, private
from portal.domain.people.email_addresses import normal
from portal.queries.access.access_checks import External, Named

LIMIT: Final = 25
MOST: Final = 100
LONGEST_ADDRESS: Final = 254
PLAUSIBLE: Final = re.compile(r"[!-?A-~\u00a1-\ud7ff]+@[!-?A-~\u00a1-\ud7ff]+")  # without spaces and controls
EXTERNAL_ID: Final = r"^[!-~\u00a1-\ud7ff]+( [!-~\u00a1-\ud7ff]+)*$"
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2199  # what lies beyond is a mistake: a zone or a month further there is no calendar any more
YEARS: Final = f"In a year from {FIRST_YEAR} to {LAST_YEAR}."
IN_CALENDAR: Final = "^2[01][0-9]{2}-"  # the years of `in_calendar`
DAY: Final = {"format": "date"}
MOMENT: Final = {"format": "date-time"}


class PublicId(String):
    """An id of one kind: read as our key, described by its form."""

    def __init__(self, kind: Kind, **options: Any) -> None:
        self.kind = kind
        metadata = {"pattern": f"^{kind.value}_[0-9a-f]{{32}}$", "examples": [f"{kind.value}_{'0' * 32}"]}
        super().__init__(metadata=metadata | options.pop("metadata", {}), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        text = super()._deserialize(value, attr, data, **options)
        try:
            return private(self.kind, text)
        except NoSuchId as error:
            raise ValidationError(f"An id that begins with `{error.prefix}` is expected.") from None


class NamedId(String):
    """An id of ours or of the merchant's own: read as our key, or as `External`."""

    def __init__(self, kind: Kind, **options: Any) -> None:
        self.kind = kind
        about = f"Our id (`{kind.value}_…`), or the merchant's own. What is written as one of ours is ours."
        metadata = {"minLength": 1, "maxLength": LONGEST, "pattern": EXTERNAL_ID, "description": about}
        super().__init__(metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return named(self.kind, super()._deserialize(value, attr, data, **options))


def named(kind: Kind, text: str) -> Named:
    """Return what an id names: our key, or the merchant's own id; raise ValidationError for what can be neither."""
    try:
        return private(kind, text)
    except NoSuchId:
        return external(text)


def external(text: str) -> External:
    """Return an id of the merchant's own; raise ValidationError for what cannot be one."""
    if not is_external_id(text):
        raise ValidationError("1 to 128 visible characters, with single spaces inside at the most.")
    return External(text)


class ExternalId(String):
    """An id of the merchant's own."""

    def __init__(self, **options: Any) -> None:
        metadata = {"minLength": 1, "maxLength": LONGEST, "pattern": EXTERNAL_ID}
        super().__init__(metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return str(external(super()._deserialize(value, attr, data, **options)))


class Address(String):
    """An address of e-mail, read in its normal form."""

    def __init__(self, **options: Any) -> None:
        metadata = {"pattern": f"^{PLAUSIBLE.pattern}$", "minLength": 3, "maxLength": LONGEST_ADDRESS}
        super().__init__(metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        text = super()._deserialize(value, attr, data, **options)
        if not PLAUSIBLE.fullmatch(text) or len(text) > LONGEST_ADDRESS:
            raise ValidationError("This is no e-mail address.")
        return normal(text)


def in_calendar(value: date) -> None:
    """Raise ValidationError for a day or a moment in no year that anything here reckons with."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValidationError(YEARS)


class Answer(Boolean):
    """Yes or no, and no other spelling of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, bool):
            raise ValidationError("Either true or false.")
        return value


def day_asked(about: str, **options: Any) -> Date:
    """Return a field that takes a day."""
    return Date(validate=in_calendar, metadata={"description": f"{about} {YEARS}", "pattern": IN_CALENDAR}, **options)


def moment_asked(about: str, **options: Any) -> AwareDateTime:
    """Return a field that takes a moment with its offset from UTC."""
    metadata = {"description": f"{about} {YEARS}", "pattern": IN_CALENDAR}
    return AwareDateTime(validate=in_calendar, metadata=metadata, **options)


def moment(about: str = "", **options: Any) -> String:
    """Return a field that shows a moment, in UTC."""
    return String(metadata=MOMENT | ({"description": about} if about else {}), **options)


def word(*words: str, **options: Any) -> String:
    """Return a field that is one of these words."""
    return String(validate=OneOf(words), **options)


class Strict(Schema):
    """What comes in: nothing that the schema does not name."""

    class Meta:
        unknown = RAISE


class Listed(Strict):
    """Which page of a list."""

    limit = Integer(validate=Range(1, MOST), metadata={"default": LIMIT})
    cursor = String(validate=Length(1, 500))


class ExternalIdChange(Strict):
    external_id = ExternalId(required=True, allow_none=True)
    replace = Answer(load_default=False)


class Out(Schema):
    """What goes out: every field is there."""


class MoneyOut(Out):
    value = String(required=True, metadata={"pattern": r"^-?\d+(\.\d+)?$", "examples": ["29.90"]})
    currency = String(required=True, metadata={"pattern": "^[A-Z]{3}$", "examples": ["EUR"]})


class IntervalOut(Out):
    unit = word("day", "week", "month", "year", required=True)
    count = Integer(required=True)


def list_of(item: type[Schema], name: str) -> type[Schema]:
    """Return the shape of a list of these."""
    fields: dict[str, Field[Any]] = {
        "object": word("list", required=True),
        "data": List(Nested(item), required=True),
        "has_more": Boolean(required=True),
        "next_cursor": String(required=True, allow_none=True),
    }
    return cast(type[Schema], Out.from_dict(fields, name=name))
