"""Ids as the outside sees them: each tells what it is of by its prefix (`sub_…`), and goes back to our key.

Whoever mixes two kinds up is told so at once, instead of that there is none.
"""

from __future__ import annotations

import re
import uuid
from enum import StrEnum
from typing import Final

from portal.domain.errors import DomainError


class Kind(StrEnum):
    """What an id is of; the word is its prefix."""

    CUSTOMER = "cus"
    SUBSCRIPTION = "sub"
    PRODUCT = "prod"
    CONTENT = "cont"
    GRANT = "grant"
    PAYMENT = "pay"
    END_REQUEST = "end"
    EVENT = "evt"
    ENDPOINT = "ep"
    DELIVERY = "dlv"
    PORTAL_SESSION = "ps"
    KEY = "key"


_ID: Final = re.compile(r"([a-z]+)_([0-9a-f]{32})", re.ASCII)


class NoSuchId(DomainError):
    """The text is no id of that kind; `prefix` is what one begins with."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.value)
        self.prefix = f"{kind.value}_"


def public(kind: Kind, key: uuid.UUID) -> str:
    """Return the id that the outside sees."""
    return kind + "_" + key.hex


def shown(kind: Kind, key: str) -> str:
    """Return the same of a key that the database has written as text."""
    return kind + "_" + key.replace("-", "")


def is_public(kind: Kind, text: str) -> bool:
    """Say whether the text is an id of that kind."""
    return text.startswith(kind) and _ID.fullmatch(text) is not None and text[len(kind)] == "_"


def private(kind: Kind, text: str) -> uuid.UUID:
    """Return our key of a public id; raise NoSuchId when it is of another kind, or none at all."""
    found = _ID.fullmatch(text)
    if found is None or found[1] != kind.value:
        raise NoSuchId(kind)
    return uuid.UUID(hex=found[2])
