"""What PayPal's lists have in common: rows under a key, a link to the next page, times in the query."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from portal.providers.paypal import errors
from portal.providers.paypal.transport import Answer


def rows(answer: Answer, key: str, *, operation: str) -> list[object]:
    """Return the rows under `key`. Absent is empty only where `links` shows that this is a list's answer."""
    found = answer.body.get(key)
    if found is None and isinstance(answer.body.get("links"), list):
        return []
    if not isinstance(found, list):
        raise errors.unavailable(f"{operation}: no {key} in the answer", status=200, debug_id=answer.debug_id)
    return found


def next_link(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the link `next`, which is there while there is another page; its address is never followed."""
    links = body.get("links")
    here = links if isinstance(links, list) else []
    return next((link for link in here if isinstance(link, dict) and link.get("rel") == "next"), None)


def stamp(at: datetime, *, up: bool = False) -> str:
    """Write a UTC moment with whole seconds, rounded down, or `up` so that a window loses nothing."""
    whole = at.replace(microsecond=0)
    if up and whole < at:
        whole += timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")
