"""What of a text nobody sees, or sees turned: it is left out, and a name or a sentence of nothing else is none."""

from __future__ import annotations

import unicodedata
from typing import Final

# Letters and signs by their category that no font draws: the fillers of Hangul, the empty cell of Braille.
BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# They turn the order of letters in which a text is read; what is left of right-to-left text needs none of them.
OVERRIDES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
BREAKS: Final = str.maketrans(
    {"\t": " "} | dict.fromkeys("\v\f\x85\u2028\u2029", "\n")
)  # as word processors paste them


def is_seen(text: str) -> bool:
    """Say whether a reader sees anything of it: not of spaces, marks of direction, joiners, accents of no letter."""
    return any(unicodedata.category(sign)[0] not in "CMZ" and sign not in BLANK for sign in text)


def clean(text: str) -> str:
    """Return a text as it is stored: each letter in one form, however it was typed, and one kind of line break.

    Control characters and overrides of direction are not seen, and go.
    """
    kept = (
        letter
        for letter in unicodedata.normalize("NFC", text.translate(BREAKS))
        if letter == "\n" or (letter not in OVERRIDES and unicodedata.category(letter) not in ("Cc", "Cs"))
    )
    return "".join(kept)


def as_seen(text: str) -> str:
    """Return a text without what takes no room: between the letters of a word it would hide it from who checks it."""
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
