"""security.txt: to whom a weakness is reported (RFC 9116)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

GOOD_FOR: Final = timedelta(days=180)  # RFC 9116 recommends less than a year; said anew with each answer


def written(contact: str, *, base_url: str, now: datetime) -> str:
    """Return the file for a contact (`mailto:` or `https:`). It expires at a midnight: a day's answers agree."""
    expires = (now + GOOD_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = (
        f"Contact: {contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: fr, en",
        f"Canonical: {base_url}/.well-known/security.txt",
    )
    return "\n".join(lines) + "\n"
