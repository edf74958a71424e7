"""The keys that sign access tokens: each is listed before it signs, and after, so that no verifier meets a stranger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Protocol, TypeVar

LIFETIME: Final = timedelta(minutes=15)  # of a token
SIGNS: Final = timedelta(days=90)
LISTED_BEFORE: Final = timedelta(days=1)  # longer than anybody keeps the list
LISTED_AFTER: Final = timedelta(hours=1)  # longer than a token lives, with clocks that differ


class Signing(Protocol):
    """From when a key signs."""

    @property
    def signs_from(self) -> datetime: ...


K = TypeVar("K", bound=Signing)


def signer(keys: Sequence[K], now: datetime) -> K | None:
    """Return the key that signs now: the newest whose time has come."""
    begun = [key for key in keys if key.signs_from <= now]
    return max(begun, key=lambda key: key.signs_from, default=None)


def listed(keys: Sequence[K], now: datetime) -> list[K]:
    """Return the keys that are listed: the one that signs, those that will, and one that did a moment ago."""
    in_order = sorted(keys, key=lambda key: key.signs_from)
    followed_at = {id(key): after.signs_from for key, after in pairwise(in_order)}
    return [key for key in in_order if id(key) not in followed_at or followed_at[id(key)] + LISTED_AFTER > now]


def next_from(keys: Sequence[Signing], now: datetime) -> datetime | None:
    """Return from when a key that is made now would sign, None while none is due: the first one signs at once."""
    if not keys:
        return now
    newest = max(key.signs_from for key in keys)
    if newest + SIGNS - LISTED_BEFORE > now:
        return None
    return max(newest + SIGNS, now + LISTED_BEFORE)
