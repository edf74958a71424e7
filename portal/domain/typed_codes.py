"""A code as a hand, a telephone or a clipboard gives it: « Your code: 073 818 », `073-818`, full-width digits."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_DIGIT: Final = re.compile(r"\d")  # of any script
_SIX: Final = re.compile(r"(?<![0-9])([0-9]{3})[\s\-–.]?([0-9]{3})(?![0-9])")
_BETWEEN: Final = re.compile(r"[\s\-–.]+")


def plain(text: str) -> str:
    """Return the text in its plainest characters, every digit of any script as one of 0-9."""
    folded = unicodedata.normalize("NFKC", text)
    return _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), folded)


def six_digits(text: str) -> str:
    """Return the code of six digits in what was typed or pasted; without one, the text without its separators."""
    folded = plain(text)
    found = _SIX.search(folded)
    return found[1] + found[2] if found else _BETWEEN.sub("", folded)


def compact(text: str) -> str:
    """Return a code of letters and digits as it is compared: without the words before it, spaces, hyphens, capitals."""
    return _BETWEEN.sub("", plain(text).rpartition(":")[2]).lower()
