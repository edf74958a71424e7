"""JSON as it comes in: what two readers could read in two ways is refused (RFC 8259, section 4; RFC 7493)."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from flask.json.provider import DefaultJSONProvider

DEEPEST: Final = 20  # levels; the deepest body that anything here takes has three
LONGEST_NUMBER: Final = 30  # characters: what is longer is no sum and no count


class BadJson(ValueError):
    """The body cannot be taken as JSON; the text says why, in English."""


class StrictJson(DefaultJSONProvider):
    """Reads JSON strictly; writes it with keys in the order in which a resource names them."""

    sort_keys = False
    ensure_ascii = False
    compact = True

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value; raise BadJson for doubled keys, numbers beyond JSON, half characters, too many levels."""
        try:
            text = s.decode("utf-8") if isinstance(s, bytes) else s
        except UnicodeDecodeError:
            raise BadJson("The body is not UTF-8.") from None
        if text.startswith("\ufeff"):
            raise BadJson("The body begins with a byte order mark.")
        try:
            value = json.loads(
                text, object_pairs_hook=_each_once, parse_constant=_no_number, parse_int=_whole, parse_float=_broken
            )
        except RecursionError:
            raise BadJson("The body is nested too deeply.") from None
        except json.JSONDecodeError as error:
            raise BadJson(f"The body is no JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None
        _check_levels(value)
        if "\\" in text:  # without it there is no other way to write U+0000 or half a character
            _check_texts(value)
        return value


encoded: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def as_json(resource: dict[str, Any]) -> bytes:
    """Return a resource as every answer writes it."""
    return f"{encoded(resource)}\n".encode()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("The body names the same key twice.")
    return found


def _no_number(word: str) -> NoReturn:
    raise BadJson(f"{word} is no number in JSON.")


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise BadJson("A number of the body is too long.")
    return int(text)


def _broken(text: str) -> float:
    if len(text) > LONGEST_NUMBER:
        raise BadJson("A number of the body is too long.")
    return float(text)


def _check_levels(value: Any) -> None:
    """Refuse what is nested too deeply."""
    level = [value]
    for _ in range(DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = [one for some in inner for one in some]
        if not level:
            return
    raise BadJson("The body is nested too deeply.")


def _check_texts(value: Any) -> None:
    """Refuse text that is no Unicode text."""
    match value:
        case str():
            _check_text(value)
        case list():
            for one in value:
                _check_texts(one)
        case dict():
            for key, one in value.items():
                _check_text(key)
                _check_texts(one)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise BadJson("A text of the body holds the character U+0000.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadJson("A text of the body holds half a character (a lone surrogate).") from None
