"""Addresses that come from a visitor: only paths of our own are followed (ASVS 3.7.2)."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

LONGEST = 500


def parts_of(address: str) -> SplitResult:
    """Return the parts of an address that somebody sent; one that cannot be read has none, and is nobody's."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")


def safe_path(wish: str | None, *, under: str = "/") -> str | None:
    """Return the wish if it is a page of ours below `under` that can be opened, else None.

    A scheme, a host, a second slash, a backslash, a control character or a step upwards make it unsafe.
    """
    if not wish or len(wish) > LONGEST or not wish.startswith(under):
        return None
    path = unquote(wish)
    if path.startswith("//") or "\\" in path or ".." in path or not path.isprintable():
        return None
    parts = parts_of(wish)
    if parts.scheme or parts.netloc or not _opens(parts.path):
        return None
    return wish


def _opens(path: str) -> bool:
    adapter = current_app.create_url_adapter(request)
    if adapter is None:
        return False
    try:
        adapter.match(path, method="GET")
    except RequestRedirect:
        return False
    except HTTPException:
        return False
    return True


def this_page() -> str:
    """Return the path and query asked for."""
    return request.full_path.rstrip("?") if request.query_string else request.path


def page_before() -> str | None:
    """Return the page of ours that the visitor's browser says it comes from, if it can be opened."""
    parts = parts_of(request.referrer or "")
    if parts.netloc != request.host:
        return None
    return safe_path(parts.path + (f"?{parts.query}" if parts.query else ""))
