"""Text as it was typed, made into what is stored: the filters of every form's fields."""

from __future__ import annotations


def plain(text: str | None) -> str:
    """Return the text as it is stored: one kind of line break, and no NUL, which PostgreSQL refuses."""
    return (text or "").replace("\r\n", "\n").replace("\x00", "").strip()


def one_line(text: str | None) -> str:
    """Return the text on one line."""
    return " ".join(plain(text).split())
