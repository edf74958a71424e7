"""Two people edit the same thing: what one of them saved while the other had its form open.

A form carries the version that its page showed. Of a later version each field is known as it was read, as it is stored
and as it was typed; whoever saves second sees all three and decides.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is edited: a group of the merchant's settings (`settings.face`), or a product."""

    merchant_id: uuid.UUID
    kind: str
    id: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One save: which fields it changed, each with its value before and after. Versions count 1, 2, 3…"""

    version: int
    at: datetime
    by_id: uuid.UUID | None  # the member of staff; None where nobody at the desk saved it
    by_name: str  # empty where there is no such person any more
    changes: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Clash:
    """One field that somebody else changed meanwhile."""

    name: str
    read: Any  # as the page showed it
    stored: Any  # as it is now
    typed: Any

    @property
    def is_dispute(self) -> bool:
        """Whether both changed it, each to something else."""
        return self.typed not in (self.read, self.stored)


def clashes(edits: Sequence[Edit], typed: Mapping[str, Any]) -> tuple[Clash, ...]:
    """Return the fields of the form that differ from what its page showed; `edits` are those since, oldest first.

    One that was changed and changed back is as it was read.
    """
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for edit in edits:
        for name, (old, new) in edit.changes.items():
            before.setdefault(name, old)
            after[name] = new
    return tuple(
        Clash(name=name, read=before[name], stored=after[name], typed=typed[name])
        for name in typed
        if name in after and before[name] != after[name]
    )


def merged(found: Sequence[Clash], typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows next: what was typed, and what is stored where the person had changed nothing.

    Without the second half, a save would silently take back what the other one had saved.
    """
    return {**typed, **{one.name: one.stored for one in found if not one.is_dispute}}
