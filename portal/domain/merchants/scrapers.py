"""Who may read the figures, and the reasons of /readyz: whoever shows a token of the operator's."""

from __future__ import annotations

import hmac
from collections.abc import Iterable


def shows_token(header: str, tokens: Iterable[str]) -> bool:
    """Say whether an Authorization header shows one of the tokens; how long that takes tells nothing of them."""
    scheme, _space, shown = header.partition(" ")
    given = shown.strip().encode("utf-8", "surrogateescape")
    found = [hmac.compare_digest(given, token.encode()) for token in tokens]
    return scheme.lower() == "bearer" and any(found)
