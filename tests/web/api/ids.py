"""Ids as the outside writes them, made here without the code that is tested."""

from __future__ import annotations

from typing import Any


def shown(prefix: str, row: Any) -> str:
    """Return a row's public id."""
    return f"{prefix}_{row.id.hex}"
