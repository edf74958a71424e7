"""Lines of a list as a file: times are ISO 8601 by the merchant's clock, amounts decimal text beside their currency."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from portal.domain.desk.list_exports import Format
from portal.domain.desk.list_filters import ListFilter
from portal.domain.money.money import Money
from portal.queries.desk import list_exports
from portal.services.csv_files import MARK, line_of


def head(file_format: Format, filters: type[ListFilter]) -> str:
    """Return what stands before the first row."""
    return MARK + line_of(list_exports.columns(filters)) if file_format is Format.CSV else ""


def writer(file_format: Format, zone: ZoneInfo) -> Callable[[Row[Any]], str]:
    """Return what makes a line of a row."""

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
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
