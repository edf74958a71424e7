"""What a shortened network address (law.md R-GD-5) tells of a place: only as much as comparing two of them tells."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from typing import Final

# Of one building or firm, and no address of the internet (RFC 1918, 3927, 4193, 4291).
LOCAL: Final = tuple(
    ipaddress.ip_network(one)
    for one in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
)


class Place(StrEnum):
    """Where a session was opened, seen from where its owner looks at it."""

    SAME = "same"
    LOCAL = "local"
    OTHER = "other"
    UNKNOWN = "unknown"  # not kept, or of the other kind of address: one line at home often has both


def network_of(address: str | None) -> str:
    """Return the network that is kept, and counted, of an address: /24 of IPv4, /64 of IPv6; empty for no address."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 64}", strict=False))


def place(there: str, here: str) -> Place:
    """Return where `there` is seen from `here`, both /24 of IPv4 or /64 of IPv6, empty where it is not known."""
    try:
        far, near = ipaddress.ip_network(there), ipaddress.ip_network(here)
    except ValueError:
        return Place.UNKNOWN
    if far == near:
        return Place.SAME
    if any(far.version == one.version and far.network_address in one for one in LOCAL):
        return Place.LOCAL
    return Place.OTHER if far.version == near.version else Place.UNKNOWN
