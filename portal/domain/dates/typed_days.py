"""A day as people write it: 28/11/2026, 3.4.2027, 2027-04-03, in digits of any script.

The day comes before the month: so in France, and in the English of ours (`formatting.FORMATS`).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final

from portal.domain.typed_codes import plain

ISO: Final = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})")
WRITTEN: Final = re.compile(
    r"(?P<day>[0-9]{1,2})\s*(?P<mark>[/.-])\s*(?P<month>[0-9]{1,2})\s*(?P=mark)\s*(?P<year>[0-9]{4})"
)


def read(text: str) -> date | None:
    """Return the day that was typed or pasted, None when it is none."""
    folded = plain(_shown(text)).strip()
    found = ISO.fullmatch(folded) or WRITTEN.fullmatch(folded)
    if found is None:
        return None
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return None


def _shown(text: str) -> str:
    """Return the text without what nobody sees, as the mark of direction that some programs copy along."""
    return "".join(one for one in text if unicodedata.category(one) != "Cf")
