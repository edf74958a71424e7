"""Whether a password stands in a public list of stolen ones: asked by the first five letters of its hash alone.

The service answers with everything that begins so, and never learns which one was meant (Have I Been Pwned, « range »).
Off unless the operator names an address: even a part of a hash leaves the house by their decision alone.
"""

from __future__ import annotations

import hashlib
from typing import Final

import requests
import structlog

log = structlog.get_logger("portal.passwords")

PATIENCE: Final = (2.0, 3.0)  # seconds to connect, and between two pieces of the answer: somebody waits
MOST: Final = 512 * 1024  # bytes; a usual answer has 40 KB


class BreachList:
    """A service that knows stolen passwords, under an address that five letters are added to."""

    def __init__(self, url: str) -> None:
        """Ask under `url`; empty: nobody is asked."""
        self._url = url

    def holds(self, password: str) -> bool:
        """Say whether the password is known as stolen; a service that does not answer keeps nobody from coming in."""
        if not self._url:
            return False
        hashed = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        try:
            return hashed[5:] in self._beginning_with(hashed[:5])
        except (requests.RequestException, ValueError) as error:
            log.warning("breach_list_unavailable", reason=type(error).__name__)
            return False

    def _beginning_with(self, start: str) -> set[str]:
        """Return how the known hashes go on that begin so; a count of nothing is padding."""
        headers = {"Add-Padding": "true", "User-Agent": "portal"}
        with requests.get(
            f"{self._url}{start}", headers=headers, timeout=PATIENCE, allow_redirects=False, stream=True
        ) as answer:
            if answer.status_code != 200:
                raise ValueError("not an answer")
            text = answer.raw.read(MOST, decode_content=True).decode("ascii", errors="replace")
        lines = (line.partition(":") for line in text.splitlines())
        return {rest.strip().upper() for rest, _colon, count in lines if count.strip() not in ("", "0")}
