"""What is kept of a receiver's answer: cut, made readable, and without what looks like a secret or a person."""

from __future__ import annotations

import re
from typing import Final

MOST_KEPT: Final = 1000  # characters
MASK: Final = "•••"
_SECRET: Final = re.compile(
    r"""whsec_[\w+/=-]+ | \bv1a?,[\w+/=-]{16,}"""
    r"""| (?i:\b(?:bearer|basic)\s+)[\w.+/=~-]+"""
    r"""| (?i:(?P<name>["']?[\w-]*(?:password|passwd|secret|token|api[_-]?key|authorization|cookie)"""
    r"""[\w-]*["']?\s*[:=]\s*))"""
    r"""(?:"[^"]*"|'[^']*'|[^\s,;&}<]+)"""
    r"""| [\w.+-]+@[\w-]+(?:\.[\w-]+)+"""
    r"""| (?<![\w+/-])[\w+/-]{32,}={0,2}""",
    re.VERBOSE,
)


def kept(answer: bytes) -> str:
    """Return what a log may keep of it, at most MOST_KEPT characters."""
    text = answer.decode("utf-8", errors="replace")
    readable = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    masked = _SECRET.sub(lambda found: f"{found['name'] or ''}{MASK}", readable).strip()
    return masked if len(masked) <= MOST_KEPT else f"{masked[: MOST_KEPT - 1]}…"
