"""Passkeys: for which site they are made, how long one may take to answer, why one is refused (WebAuthn Level 3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

LIFETIME: Final = timedelta(minutes=5)  # from the page that asks to the passkey's answer
MOST: Final = 20  # of one person
LONGEST_NAME: Final = 60
LOCALHOST: Final = "localhost"
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Site:
    """For whom a passkey is made, and the one origin whose pages may ask for it."""

    rp_id: str
    origin: str


class Refusal(StrEnum):
    """Why a passkey does nothing."""

    STALE = "stale"  # asked too long ago, answered before, or asked in another browser
    NOT_TAKEN = "not_taken"  # not genuine, of another site, unknown, somebody else's: nobody is told which
    COPIED = "copied"  # genuine, but its counter says that there is a second one
    ABSENT = "absent"  # nothing came: the browser runs no script, or knows no passkeys
    KNOWN = "known"  # a new one that is here already
    TOO_MANY = "too_many"  # a new one beyond `MOST`


class PasskeyRefused(Exception):
    """A passkey was not taken; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


def site(base_url: str) -> Site | None:
    """Return the site of a public address; None for a number, which no passkey can be made for.

    A machine's own number counts as `localhost`: only the demo is reached so, and browsers take passkeys there.
    """
    parts = urlsplit(base_url.lower())
    host, default = parts.hostname or "", DEFAULT_PORTS.get(parts.scheme)
    try:
        if not ip_address(host).is_loopback:
            return None
        host = LOCALHOST
    except ValueError:
        pass  # a name
    port = f":{parts.port}" if parts.port not in (None, default) else ""
    return Site(host, f"{parts.scheme}://{host}{port}")


def is_copy(known: int, shown: int) -> bool:
    """Say whether a counter that was at `known` and shows `shown` went on in a second device (WebAuthn 7.2, step 22).

    Passkeys that a person's devices share count nothing: they always show 0.
    """
    return (known, shown) != (0, 0) and shown <= known
