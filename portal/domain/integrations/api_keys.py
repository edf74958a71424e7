"""Keys of the API: what one may do, how it is written, when it is good.

A key is `psk_live_` or `psk_test_`, eight letters that are no secret and by which it is recognised, and the secret:
256 bits by chance.  Of the secret a digest is kept; a slow one would protect nothing that nobody can guess.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.errors import DomainError


class Scope(StrEnum):
    """What a key may do; none holds another one."""

    ACCESS_READ = "access:read"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"  # the merchant's own ids
    SUBSCRIPTIONS_READ = "subscriptions:read"
    ENDS_WRITE = "ends:write"
    GRANTS_WRITE = "grants:write"
    PAYMENTS_READ = "payments:read"
    PRODUCTS_READ = "products:read"
    PRODUCTS_WRITE = "products:write"  # the merchant's own ids
    SESSIONS_WRITE = "sessions:write"
    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"  # endpoints, and what is sent again


class Mode(StrEnum):
    """Which of PayPal's two worlds a key sees."""

    LIVE = "live"
    TEST = "test"

    @property
    def environment(self) -> str:
        """PayPal's own word for that world."""
        return "live" if self is Mode.LIVE else "sandbox"


# What writes without naming a subscription of PayPal's sandbox would write into the real account of a real customer.
NOT_IN_TEST: Final = frozenset({Scope.GRANTS_WRITE})
PER_MINUTE: Final = 600
MOST_PER_MINUTE: Final = 600_000
OVERLAP: Final = timedelta(hours=24)  # of a rotation: the old key and the new one are both good
LONGEST_NAME: Final = 60
MOST_NETWORKS: Final = 50
_KEY: Final = re.compile(r"(psk_(?:live|test)_[a-z2-7]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
PREFIX: Final = re.compile(r"psk_(?:live|test)_[a-z2-7]{8}", re.ASCII)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


class KeyProblem(StrEnum):
    """Why a key cannot be made so."""

    NO_NAME = "no_name"
    LONG_NAME = "long_name"
    NO_SCOPE = "no_scope"
    NOT_IN_TEST = "not_in_test"
    BAD_NETWORK = "bad_network"
    MANY_NETWORKS = "many_networks"
    BAD_LIMIT = "bad_limit"


class CannotMakeKey(DomainError):
    """It cannot be made so, for the reason given; `what` is the part that is wrong, as it was typed."""

    def __init__(self, why: KeyProblem, what: str = "") -> None:
        super().__init__(why.value)
        self.why = why
        self.what = what


@dataclass(frozen=True)
class Secret:
    """A new key, to be shown once."""

    text: str
    prefix: str
    digest: bytes


def new_secret(mode: Mode) -> Secret:
    """Return a key that nobody has seen."""
    prefix = f"psk_{mode.value}_" + "".join(secrets.choice(_LETTERS) for _ in range(8))
    text = f"{prefix}_{secrets.token_urlsafe(32)}"
    return Secret(text, prefix, digest(text))


def digest(text: str) -> bytes:
    """Return what is kept of a key, and looked for."""
    return hashlib.sha256(text.encode()).digest()


def is_key(text: str) -> bool:
    """Say whether the text is written as a key is: anything else is not looked for."""
    return _KEY.fullmatch(text) is not None


def prefix_of(text: str) -> str | None:
    """Return by what a key, or its prefix alone, is recognised; None of any other text."""
    found = _KEY.fullmatch(text)
    if found is not None:
        return found[1]
    return text if PREFIX.fullmatch(text) else None


def networks_of(lines: Iterable[str]) -> list[str]:
    """Return addresses and networks in their normal form, each once; raise CannotMakeKey for what is none."""
    found: dict[str, None] = {}
    for line in (one.strip() for one in lines):
        if line:
            try:
                found[str(ipaddress.ip_network(line, strict=False))] = None
            except ValueError:
                raise CannotMakeKey(KeyProblem.BAD_NETWORK, line) from None
    if len(found) > MOST_NETWORKS:
        raise CannotMakeKey(KeyProblem.MANY_NETWORKS)
    return list(found)


def is_from(address: str | None, networks: Collection[str]) -> bool:
    """Say whether a call from that address is one of the networks'; without any, every address is."""
    if not networks:
        return True
    try:
        caller = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    caller = getattr(caller, "ipv4_mapped", None) or caller
    return any(caller in ipaddress.ip_network(one) for one in networks)


def check(name: str, mode: Mode, scopes: Collection[Scope], per_minute: int) -> None:
    """Raise CannotMakeKey unless a key may be made so."""
    if not name:
        raise CannotMakeKey(KeyProblem.NO_NAME)
    if len(name) > LONGEST_NAME:
        raise CannotMakeKey(KeyProblem.LONG_NAME)
    if not scopes:
        raise CannotMakeKey(KeyProblem.NO_SCOPE)
    if mode is Mode.TEST and NOT_IN_TEST & set(scopes):
        raise CannotMakeKey(KeyProblem.NOT_IN_TEST)
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise CannotMakeKey(KeyProblem.BAD_LIMIT)


class KeyStanding(StrEnum):
    """Where a key stands now."""

    GOOD = "good"
    LEAVING = "leaving"  # rotated: good until its day
    EXPIRED = "expired"
    REVOKED = "revoked"


def standing(*, expires_at: datetime | None, revoked_at: datetime | None, now: datetime) -> KeyStanding:
    """Return where a key stands; revoked says more than expired."""
    if revoked_at is not None:
        return KeyStanding.REVOKED
    if expires_at is None:
        return KeyStanding.GOOD
    return KeyStanding.LEAVING if expires_at > now else KeyStanding.EXPIRED
