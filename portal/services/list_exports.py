"""Give a list of the desk as a file: exactly the rows that it shows, in its order, as they stood at one moment."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from portal.domain.audit import Act, By
from portal.domain.errors import DomainError
from portal.domain.list_filters import ListFilter
from portal.domain.list_views import List, written
from portal.domain.money import Money
from portal.queries import list_exports
from portal.queries.merchant_rows import see_one_moment
from portal.queries.subscription_filters import Whose
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.csv_files import MARK, line_of

AT_ONCE: Final = 5_000  # rows that are read while somebody waits


class Format(StrEnum):
    """Of the file."""

    CSV = "csv"
    JSONL = "jsonl"


class TooLong(DomainError):
    """The list has more rows than one file takes."""


def export(ctx: Context, whose: Whose, which: List, wanted: ListFilter, file_format: Format, *, by: By) -> list[str]:
    """Return the file in pieces, and note in the chain that it was taken. Raises TooLong.

    All rows are of one moment: a row that changes meanwhile is in the file as it was, once.
    """
    write = writer(file_format, ZoneInfo(whose.time_zone))
    pieces, rows = [head(file_format, type(wanted))], 0
    with ctx.db.begin() as session:
        see_one_moment(session)
        for page in list_exports.pages(session, whose, wanted, most=AT_ONCE):
            rows += len(page)
            if rows > AT_ONCE:
                raise TooLong
            pieces.append("".join(write(row) for row in page))
    with ctx.db.begin() as session:
        told: dict[str, Any] = {"list": which.value, "format": file_format.value, "rows": rows}
        told |= {"query": written(wanted), "searched": bool(wanted.search)}
        audit.append(session, whose.merchant_id, Act.EXPORT_LIST, by=by, at=whose.now, **told)
    return pieces


def head(file_format: Format, filters: type[ListFilter]) -> str:
    """Return what stands before the first row."""
    return MARK + line_of(list_exports.columns(filters)) if file_format is Format.CSV else ""


def writer(file_format: Format, zone: ZoneInfo) -> Callable[[Row[Any]], str]:
    """Return what makes a line of a row; times are ISO 8601 by the merchant's clock, amounts decimal text."""

    def csv(row: Row[Any]) -> str:
        return line_of("" if value is None else _word(value) for value in _facts(row, zone).values())

    def jsonl(row: Row[Any]) -> str:
        return json.dumps(_facts(row, zone), ensure_ascii=False) + "\n"

    return csv if file_format is Format.CSV else jsonl


def _facts(row: Row[Any], zone: ZoneInfo) -> dict[str, Any]:
    facts = {name: _plain(value, zone) for name, value in row._mapping.items()}
    if facts.get("amount") is not None:
        facts["amount"] = Money(facts["amount"], facts["currency"] or "").figures
    return facts


def _plain(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.value if isinstance(value, StrEnum) else value


def _word(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
