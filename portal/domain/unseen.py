"""What of a text nobody sees: a name or a sentence of nothing else is none."""

from __future__ import annotations

import unicodedata
from typing import Final

# Letters and signs by their category that no font draws: the fillers of Hangul, the empty cell of Braille.
BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def is_seen(text: str) -> bool:
    """Say whether a reader sees anything of it: not of spaces, marks of direction, joiners, accents of no letter."""
    return any(unicodedata.category(sign)[0] not in "CMZ" and sign not in BLANK for sign in text)
