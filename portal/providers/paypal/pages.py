"""What PayPal's answers have in common: rows under a key, links that are read and never followed, times."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from portal.providers.paypal import errors
from portal.providers.paypal.transport import Answer

_ADDRESS: Final = re.compile(r"[!#-;=?-\[\]_a-z~%]{1,2000}")  # what may stand in an address, no quotes and no spaces


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
    return _link(body, "next")


def approval_page(body: Mapping[str, Any], origins: Collection[str]) -> str | None:
    """Return the address of PayPal's page where the buyer approves; None unless it is exactly at one of `origins`.

    A browser is sent there: an answer that was tampered with must not lead a customer to somebody else's page.
    """
    link = _link(body, "approve") or {}
    address = link.get("href")
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if f"{parts.scheme}://{parts.netloc}" in origins else None


def _link(body: Mapping[str, Any], rel: str) -> Mapping[str, Any] | None:
    links = body.get("links")
    here = links if isinstance(links, list) else []
    return next((link for link in here if isinstance(link, dict) and link.get("rel") == rel), None)


def stamp(at: datetime, *, up: bool = False) -> str:
    """Write a UTC moment with whole seconds, rounded down, or `up` so that a window loses nothing."""
    whole = at.replace(microsecond=0)
    if up and whole < at:
        whole += timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")
