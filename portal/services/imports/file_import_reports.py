"""The refused lines of a merchant's CSV, as a CSV: each as it came, with why; corrected, it can be brought again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Final

from portal.domain.audit import Act, By
from portal.domain.desk.file_imports import Wrong
from portal.models import FileImport
from portal.queries.people import file_imports
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.csv_files import MARK, line_of
from portal.services.handing_over import CutOff
from portal.services.imports.file_imports import part_of

BATCH: Final = 1000
Words = Callable[[int | None, Wrong, int | None], tuple[str, str]]  # of place, why and other: the column, the sentence


def refused(
    ctx: Context,
    merchant_id: uuid.UUID,
    import_id: uuid.UUID,
    head: tuple[str, ...],
    words: Words,
    *,
    by: By,
    now: datetime,
) -> Iterator[str]:
    """Note in the chain that somebody takes them, then return the file in pieces.

    Raises NoResultFound, CannotOpen, CutOff.
    """
    with ctx.db.begin() as session:
        found = file_imports.of_merchant(session, merchant_id, import_id)
        told = {"rows": found.lines, "not_added": found.refused}
        subject = ("file_import", found.id)
        audit.append(session, merchant_id, Act.EXPORT_FAILED_ROWS, by=by, at=now, subject=subject, **told)
    return _pieces(ctx, found, head, words)


def _pieces(ctx: Context, found: FileImport, head: tuple[str, ...], words: Words) -> Iterator[str]:
    names, ours = _columns(head, found.header)
    yield MARK + line_of((*names, *found.header[ours:]))
    number, after, left = 0, 0, found.refused
    cells: dict[int, list[str]] = {}
    while True:
        with ctx.db.read() as session:
            page = file_imports.faults(session, found, after=after, limit=BATCH)
        for fault in page[:BATCH]:
            while fault.line not in cells:
                number += 1
                with ctx.db.read() as session:
                    part = part_of(ctx, session, found.id, number)
                if part is None:
                    raise CutOff(f"part {number}")
                cells = {record.line: record.cells for record in part}
            left -= 1
            yield line_of((fault.line, *words(fault.place, fault.why, fault.other), *cells[fault.line][ours:]))
        if len(page) <= BATCH:
            break
        after = page[BATCH - 1].line
    if left > 0:  # somebody has deleted the file meanwhile
        raise CutOff(f"{left} lines")


def _columns(head: tuple[str, ...], header: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return the names of our columns, and how many the file begins with: a report that is brought again has all."""
    size = len(head)
    of_report = _named(head, header[size:])
    if tuple(header[:size]) == of_report:
        return of_report, size
    return _named(head, header), 0


def _named(head: tuple[str, ...], theirs: Sequence[str]) -> tuple[str, ...]:
    """Return our names, numbered where a column of the merchant's has one: no file is taken that has a name twice."""
    taken = {name.casefold() for name in theirs}
    return tuple(next(name for name in _numbered(one) if name.casefold() not in taken) for one in head)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in count(2))
