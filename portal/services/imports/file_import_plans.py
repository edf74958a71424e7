"""What a line of a merchant's CSV does, or why it is refused: the same for a check, which does nothing of it.

Whom the lines of a part name is asked in a few statements.  A line that says of the same what an earlier one said does
nothing; one that says something else is refused: which of the two is meant, only the merchant knows.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.domain.audit import By
from portal.domain.desk.file_import_lines import BadLine, Reading, Said, read
from portal.domain.desk.file_imports import Brought, Field, Wrong
from portal.models import FileImport, FileImportKey
from portal.queries.people import file_imports
from portal.services.context import Context
from portal.services.imports.file_import_reading import Record

HASH: Final = 16  # bytes


class Outcome(StrEnum):
    """What a line does."""

    MADE = "made"
    CHANGED = "changed"
    SAME = "same"  # all of it is known
    REFUSED = "refused"


class Refused(Exception):
    """A line is refused; `field` names the column, `other` the earlier line that it is at odds with."""

    def __init__(self, why: Wrong, field: Field | None = None, *, other: int | None = None) -> None:
        super().__init__(why.value)
        self.why = why
        self.field = field
        self.other = other


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What one line does; `write` does it, in a transaction that holds what it touches."""

    outcome: Outcome
    write: Callable[[], object] | None = None


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A line and what becomes of it."""

    line: int
    outcome: Outcome
    write: Callable[[], object] | None = None
    why: Wrong | None = None
    place: int | None = None
    other: int | None = None


@dataclass(frozen=True, kw_only=True)
class Work:
    """One part of one attempt: where, for whom, by whom, and whether the lines are carried out."""

    ctx: Context
    session: Session
    found: FileImport
    reading: Reading
    by: By
    now: datetime
    is_run: bool

    @property
    def merchant_id(self) -> uuid.UUID:
        """Return whose lines they are."""
        return self.found.merchant_id

    def hash(self, text: str, *, size: int = HASH) -> bytes:
        """Return a hash that means nothing outside this import."""
        return hashlib.blake2b(text.encode(), digest_size=size, key=self.found.id.bytes).digest()

    def keep(self, keys: Mapping[uuid.UUID, tuple[uuid.UUID, int]]) -> None:
        """Write what the parts behind this one have to know: of each key what was said, and in which line."""
        whose = {"file_import_id": self.found.id, "attempt": self.found.attempt}
        rows = [{**whose, "key": key, "content": content, "line": line} for key, (content, line) in keys.items()]
        if rows:
            self.session.execute(insert(FileImportKey), rows)


class Look:
    """Who and what the lines of a part name, as it is known; one class for each kind of lines."""

    def __init__(self, work: Work, lines: Sequence[Said]) -> None:
        self.work = work
        self.prepare(lines)

    def prepare(self, lines: Sequence[Said]) -> None:
        """Ask what the lines name."""
        raise NotImplementedError

    def keys(self, said: Said) -> Iterable[str]:
        """Return of whom or what a line is, in every way in which it says so. Raises Refused."""
        raise NotImplementedError

    def effect(self, said: Said) -> Effect:
        """Return what a line does. Raises Refused."""
        raise NotImplementedError

    def keep(self) -> None:
        """Write what the lines behind this part have to know besides what was said."""


def plan(work: Work, records: Sequence[Record], looks: dict[Brought, type[Look]]) -> list[Planned]:
    """Return what becomes of each record, in their order; the keys of its lines are written for the parts behind."""
    planned: list[Planned] = []
    lines: list[Said] = []
    for record in records:
        try:
            lines.append(read(work.reading, record.line, record.cells))
        except BadLine as bad:
            planned.append(Planned(line=record.line, outcome=Outcome.REFUSED, why=bad.why, place=bad.column))
    look = looks[work.found.brought](work, lines)
    seen = _Seen(work, lines, look)
    planned += [_one(said, look, seen, work) for said in lines]
    work.keep(seen.new)
    look.keep()
    return sorted(planned, key=lambda one: one.line)


def _one(said: Said, look: Look, seen: _Seen, work: Work) -> Planned:
    try:
        if seen.before(said):
            return Planned(line=said.line, outcome=Outcome.SAME)
        effect = look.effect(said)
    except Refused as no:
        seen.refused[said.line] = no
        place = _place(work.reading, no.field)
        return Planned(line=said.line, outcome=Outcome.REFUSED, why=no.why, place=place, other=no.other)
    return Planned(line=said.line, outcome=effect.outcome, write=effect.write)


def _place(reading: Reading, field: Field | None) -> int | None:
    if field is None or field not in reading.match.columns:
        return None
    return reading.match.columns.index(field)


def _field(reading: Reading, place: int | None) -> Field | None:
    return None if place is None else reading.match.columns[place]


class _Seen:
    """What lines before have said, of this part and of those before it."""

    def __init__(self, work: Work, lines: Sequence[Said], look: Look) -> None:
        self._work = work
        self._keys: dict[int, list[uuid.UUID]] = {}
        self._no: dict[int, Refused] = {}
        for said in lines:
            try:
                self._keys[said.line] = [self._hash(key) for key in look.keys(said)]
            except Refused as no:
                self._no[said.line] = no
        wanted = {key for some in self._keys.values() for key in some}
        known = file_imports.keys(work.session, work.found, wanted)
        self._known = {row.key: (row.content, row.line) for row in known}
        self.new: dict[uuid.UUID, tuple[uuid.UUID, int]] = {}
        self.refused = {
            fault.line: Refused(fault.why, _field(work.reading, fault.place), other=fault.other)
            for fault in file_imports.faults_of(work.session, work.found, {row.line for row in known})
        }

    def before(self, said: Said) -> bool:
        """Say whether an earlier line said the same, and was taken.

        Raises Refused where one said something else of the same, and as it was refused where it was.
        """
        if said.line in self._no:
            raise self._no[said.line]
        content = self._hash(said.content)
        for key in self._keys[said.line]:
            was, line = self._known.setdefault(key, (content, said.line))
            if was != content:
                raise Refused(Wrong.SAID_OTHERWISE, other=line)
            if line == said.line:
                self.new[key] = (content, line)
        earlier = {self._known[key][1] for key in self._keys[said.line]} - {said.line}
        for line in earlier & self.refused.keys():
            raise self.refused[line]
        return bool(earlier)

    def _hash(self, text: str) -> uuid.UUID:
        return uuid.UUID(bytes=self._work.hash(text))
