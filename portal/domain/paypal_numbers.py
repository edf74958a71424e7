"""The number that somebody reads off a receipt, made into the one under which PayPal and the portal know it."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 40
_KEPT: Final = re.compile(r"[^A-Z0-9-]")
_PROFILE: Final = re.compile(r"I[A-Z0-9]{12}")  # I-… whose hyphen was not typed


def normal(typed: str) -> str:
    """Return the number in capitals, without spaces and marks around or within it; empty for what is none.

    A hyphen in another shape, as receipts print it, is a hyphen; the « I » of a PayPal subscription gets its own back.
    """
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", typed.upper())
    number = _KEPT.sub("", text).strip("-")[:LONGEST]
    return f"I-{number[1:]}" if _PROFILE.fullmatch(number) else number
