"""How long somebody asks us to wait: Retry-After, of either form (RFC 9110 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def asked_seconds(header: str | None, *, now: datetime) -> int | None:
    """Return the seconds to wait, below one where the moment is over; None where the header says nothing readable."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # An HTTP date is always in GMT; « -0000 » comes back naive from the parser.
    return round(((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds())
