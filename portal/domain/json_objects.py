"""JSON that two readers could understand in two ways is not understood at all (RFC 8259, 4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def without_doubles(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's pairs as a dictionary, for `json.loads(object_pairs_hook=…)`; ValueError for a doubled key."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("a key stands twice in one object")
        found[key] = value
    return found
