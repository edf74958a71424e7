"""Text as it was typed or sent, made into what is meant: the filters of every form's fields, and ids."""

from __future__ import annotations

import uuid
from typing import Final

from portal.domain.unseen import OVERRIDES, clean, is_seen

LEFT_OUT: Final = dict.fromkeys(map(ord, {"\x00", *OVERRIDES}))


def plain(text: str | None) -> str:
    """Return the text as it is stored: one kind of line break, no NUL, which PostgreSQL refuses; unseen, it is none.

    No override of direction: it would turn the letters of whatever stands behind the text, wherever that is read.
    """
    kept = (text or "").replace("\r\n", "\n").translate(LEFT_OUT).strip()
    return kept if is_seen(kept) else ""


def one_line(text: str | None) -> str:
    """Return the text on one line."""
    return " ".join(plain(text).split())


def shown(text: str | None) -> str:
    """Return what the merchant writes for customers to read: each letter in one form, and no control character."""
    return plain(clean(text or ""))


def shown_line(text: str | None) -> str:
    """Return that on one line."""
    return one_line(shown(text))


def as_id(text: str | None) -> uuid.UUID | None:
    """Return the id that was sent, None for what is none."""
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
