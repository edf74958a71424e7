"""OAuth tokens: reading PayPal's token answer and carrying a token in a request (FACTS.md 1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import requests
from requests.auth import AuthBase

from portal.providers.ports import Token

MARGIN: Final = timedelta(seconds=120)  # a token about to end is not used: the call could outlive it
SHORT_LIFE: Final = 300  # seconds; assumed when PayPal does not say how long a token lives
LONGEST_LIFE: Final = 32_400  # seconds; PayPal's documented maximum

_PRINTABLE = re.compile(r"[\x21-\x7e]{1,4096}")


class Bearer(AuthBase):
    """Puts a token on a request. An auth object, so that a .netrc of the machine never replaces the header."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.value}"
        return request


def read_token(body: Mapping[str, Any], *, now: datetime) -> Token | None:
    """Return the token of a 200 answer obtained at `now`; None when it holds none that can go in a header."""
    value = body.get("access_token")
    if not isinstance(value, str) or not _PRINTABLE.fullmatch(value):
        return None
    scope, app_id = body.get("scope"), body.get("app_id")
    return Token(
        value=value,
        expires_at=now + timedelta(seconds=_lifetime(body.get("expires_in"))),
        scopes=frozenset(scope.split()) if isinstance(scope, str) else frozenset(),
        app_id=app_id if isinstance(app_id, str) else "",
    )


def usable(token: Token | None, *, now: datetime) -> bool:
    """Tell whether a stored token may still be used at `now`."""
    return token is not None and now < token.expires_at - MARGIN


def _lifetime(seconds: object) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        return SHORT_LIFE
    return min(seconds, LONGEST_LIFE)
