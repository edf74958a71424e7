"""A merchant's legal texts: their versions, of which one holds at a time, and the little that their plain text can say.

A change is a new version; what was published stays as its readers read it, for a proof may name it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

HEADING, ITEM = "# ", "- "  # how a line begins that is a heading, or an item of a list


class LegalKind(StrEnum):
    """Which text."""

    NOTICE = "notice"  # who publishes (art. 1-1 of the French law of 21 June 2004, LCEN)
    PRIVACY = "privacy"  # what becomes of personal data (GDPR, articles 13 and 14)
    TERMS = "terms"  # of sale


# What a legal notice says, in its order, and what none may lack.
PUBLISHER, ADDRESS, CONTACT, HOST = "publisher", "address", "contact", "host"
NOTICE_FIELDS: Final = (PUBLISHER, ADDRESS, "registration", "vat", "director", CONTACT, HOST)
NEEDED: Final = (PUBLISHER, ADDRESS, CONTACT, HOST)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of one text, as far as choosing among them goes."""

    number: int
    valid_from: date


class BlockKind(StrEnum):
    """What a piece of a text is."""

    HEADING = "heading"
    LIST = "list"
    LINES = "lines"  # of one paragraph


@dataclass(frozen=True)
class Block:
    """A piece of a text, with its lines as they are read."""

    kind: BlockKind
    lines: tuple[str, ...]


def in_force(versions: Iterable[Version], today: date) -> int | None:
    """Return the number of the version that holds on that day of the merchant's, None before the first.

    The newest of those whose day has come: one that was published later takes the place of an earlier one, also of one
    that was still to come.
    """
    return max((one.number for one in versions if one.valid_from <= today), default=None)


def to_come(versions: Iterable[Version], today: date) -> list[int]:
    """Return the numbers of those that will hold one day: none that a newer one has taken the place of before."""
    known = sorted(versions, key=lambda one: one.number)
    return [
        one.number
        for place, one in enumerate(known)
        if one.valid_from > today and all(later.valid_from > one.valid_from for later in known[place + 1 :])
    ]


def blocks(text: str) -> list[Block]:
    """Return a plain text in pieces: headings, lists, and paragraphs, which an empty line parts."""
    found: list[Block] = []
    is_apart = True
    for line in text.splitlines():
        kind, words = _read(line.strip())
        if words and (is_apart or kind is BlockKind.HEADING or kind is not found[-1].kind):
            found.append(Block(kind, (words,)))
        elif words:
            found[-1] = Block(kind, (*found[-1].lines, words))
        is_apart = not words
    return found


def _read(line: str) -> tuple[BlockKind, str]:
    if line.startswith(HEADING):
        return BlockKind.HEADING, line.removeprefix(HEADING).strip()
    if line.startswith(ITEM):
        return BlockKind.LIST, line.removeprefix(ITEM).strip()
    return BlockKind.LINES, line
