"""Text as it was typed or sent, made into what is meant: the filters of every form's fields, and ids."""

from __future__ import annotations

import uuid


def plain(text: str | None) -> str:
    """Return the text as it is stored: one kind of line break, and no NUL, which PostgreSQL refuses."""
    return (text or "").replace("\r\n", "\n").replace("\x00", "").strip()


def one_line(text: str | None) -> str:
    """Return the text on one line."""
    return " ".join(plain(text).split())


def as_id(text: str | None) -> uuid.UUID | None:
    """Return the id that was sent, None for what is none."""
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
