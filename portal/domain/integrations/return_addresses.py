"""Where a customer may be led back to after a task: addresses that the merchant has named, and what lies below them.

Compared is what the browser will make of an address, letter by letter: the same scheme and host, and a path that is the
named one or goes on behind a slash of it.  What browsers and servers read in different ways is refused outright, since
every one of these has led somebody's customers to a stranger's page: a name before the host, a port, a backslash, a
second slash, a step upwards, an encoded character, letters that only look like ASCII (CWE-601, ASVS 3.7.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 500
MOST: Final = 20  # addresses of one merchant

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# No port, no user, no % and nothing but ASCII; the last label is no number, so that no IP address passes.
_ADDRESS: Final = re.compile(
    rf"https://(?P<host>(?:{_LABEL}\.)+(?!\d+(?:/|\?|\Z)){_LABEL})(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@/-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?"
)


def is_clean(address: str) -> bool:
    """Say whether every browser reads the address alike, as https on a named host."""
    found = _ADDRESS.fullmatch(address) if len(address) <= LONGEST else None
    if found is None:
        return False
    path = found["path"] or "/"
    return "//" not in path and not any(step in (".", "..") for step in path.split("/"))


def is_nameable(address: str) -> bool:
    """Say whether a merchant may put it on the list: a clean address without a query."""
    return is_clean(address) and "?" not in address


def is_allowed(address: str, named: Iterable[str]) -> bool:
    """Say whether the address is one of those named, or lies below one of them."""
    return is_clean(address) and any(is_nameable(one) and _is_below(address, one) for one in named)


def tidy(typed: str) -> str:
    """Return what somebody typed for the list as it is compared: with its https, its host in small letters."""
    text = typed.strip()
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "https", text
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}{path}" if text else ""


def host_of(address: str) -> str:
    """Return the host of a clean address, for the words of a link."""
    found = _ADDRESS.fullmatch(address)
    return found["host"] if found is not None else ""


def _is_below(address: str, named: str) -> bool:
    own, theirs = _ADDRESS.fullmatch(address), _ADDRESS.fullmatch(named)
    if own is None or theirs is None or own["host"] != theirs["host"]:
        return False
    path, root = own["path"] or "/", (theirs["path"] or "/").rstrip("/")
    return path == root or path.startswith(f"{root}/")
