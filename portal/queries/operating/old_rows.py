"""Some rows that are over, of whatever table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, inspect, select


def some(row: type[Any], *over: ColumnElement[bool], limit: int) -> Select[Any]:
    """Select the keys of so many rows for which `over` holds; none that somebody holds."""
    found = select(*inspect(row).primary_key).where(*over).limit(limit)
    return found.with_for_update(key_share=True, skip_locked=True)
