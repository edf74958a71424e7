"""What the desk's lists have in common: search words, and the links to the pages around."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from flask import request, url_for

from portal.queries import inbox
from portal.queries.desk.keyset import Place
from portal.web.typed_text import as_id, one_line

LONGEST_SEARCH: Final = 128
KEPT: Final = frozenset(
    {"q", "status", "product", "result", "state", "who", "what", "about"}
)  # of an address, from one page to the next
RANKS: Final = {str(rank): rank for rank in range(-1, 3)}  # of `inbox.Item.key`


def search_words() -> str:
    """Return what is searched, on one line and of a sane length; a NUL, which PostgreSQL refuses, is left out."""
    return one_line(request.args.get("q"))[:LONGEST_SEARCH]


def is_searchable(search: str) -> bool:
    """Say whether there is anything in it to search by: a letter or a digit. No search at all is as well."""
    return not search or any(letter.isalnum() for letter in search)


def place() -> Place:
    """Return where in the list the address points; what is no id points to the beginning."""
    return Place(after=as_id(request.args.get("after")), before=as_id(request.args.get("before")))


def inbox_place() -> inbox.Place:
    """Return where in the list of what there is to do the address points; what is no place is the beginning."""
    return inbox.Place(after=_key(request.args.get("after", "")), before=_key(request.args.get("before", "")))


def key_text(key: inbox.Key | None) -> str | None:
    """Return a place for an address: times and an id, no name."""
    if key is None:
        return None
    rank, at, since, row_id = key
    return f"{rank}~{_micros(at)}~{_micros(since)}~{row_id}"


def _key(text: str) -> inbox.Key | None:
    try:
        rank, at, since, row_id = text.split("~")
        return RANKS[rank], _moment(at), _moment(since), uuid.UUID(row_id)
    except (KeyError, ValueError, OverflowError):
        return None


def _moment(micros: str) -> datetime:
    return inbox.EPOCH + timedelta(microseconds=int(micros))


def _micros(at: datetime) -> int:
    return (at - inbox.EPOCH) // timedelta(microseconds=1)


def number(name: str, *, digits: int = 9) -> int | None:
    """Return the number of the row that the address goes on from; what is none points to the beginning."""
    value = request.args.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= digits else None


def turn(*, after: uuid.UUID | int | str | None = None, before: uuid.UUID | int | str | None = None) -> str | None:
    """Return the address of the page after or before a row, with the filters of this one; None without a row."""
    if after is None and before is None:
        return None
    values: dict[str, Any] = {name: value for name, value in request.args.items() if name in KEPT and value}
    values |= request.view_args or {}
    return url_for(str(request.endpoint), **values, after=after, before=before)
