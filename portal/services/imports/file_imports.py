"""Lines that a merchant brings as a CSV: stored sealed, matched, checked without writing anything, then carried out.

The file is kept in parts of some hundreds of lines; a check and a run go through them one after the other
(`file_import_running`), each in one transaction with the number of the part: killed anywhere, they go on with the
next line that is not done.  The file is deleted a week after it was last used.
"""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import IO, Final

import structlog
from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.audit import PORTAL, Act, By
from portal.domain.desk.file_imports import (
    BadMatch,
    Brought,
    DateOrder,
    Field,
    FileImportState,
    Match,
    faults,
    guess,
)
from portal.domain.errors import DomainError
from portal.models import FileImport, FileImportPart
from portal.queries.people import file_imports, merchants
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.imports.file_import_reading import Record, Slashes, layout_of, lines, parts
from portal.services.imports.file_import_removals import tidy

log = structlog.get_logger("portal.file_imports")

SEALED: Final = "file_import_parts.content"
KEPT: Final = timedelta(days=7)  # since the file was last used
LOST: Final = timedelta(minutes=15)  # so long without a part, and nobody works on it any more
MOST_OPEN: Final = 5  # files of one merchant that are kept and not done
LONGEST_NAME: Final = 120
STARTS: Final = frozenset({FileImportState.CHECKED, FileImportState.STOPPED})
MATCHES: Final = frozenset({FileImportState.UPLOADED, FileImportState.CHECKED})
WORKING: Final = frozenset({FileImportState.CHECKING, FileImportState.RUNNING})


class TooManyFiles(DomainError):
    """So many files of the merchant are kept already, and not done."""


class NotNow(DomainError):
    """The import stands where this cannot be done: another page was quicker."""


class BadMatches(DomainError):
    """The columns cannot be matched so."""

    def __init__(self, found: list[BadMatch]) -> None:
        super().__init__(", ".join(one.why for one in found))
        self.found = found


def start(
    ctx: Context,
    merchant_id: uuid.UUID,
    brought: Brought,
    file: IO[bytes],
    *,
    file_name: str,
    staff_id: uuid.UUID,
    by: By,
    now: datetime,
) -> uuid.UUID:
    """Store a file, sealed, as it is read: little of it is in memory. Raises BadFile, TooManyFiles.

    It is there whole or not at all.  Whoever changes something of the merchant's waits for its last step alone.
    """
    layout = layout_of(file)
    made = FileImport(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=merchant_id,
        staff_id=staff_id,
        staff_name=by.name,
        brought=brought,
        file_name="".join(sign for sign in file_name if sign.isprintable())[:LONGEST_NAME] or "file.csv",
        size=file.seek(0, 2),
        encoding=layout.encoding.value,
        delimiter=layout.delimiter,
        header=list(layout.header),
        columns=[field or "" for field in guess(brought, layout.header)],
        touched_at=now,
        **{"parts": 0, "lines": 0, "slashed": []},
    )
    with ctx.db.begin() as session:
        _check_room(session, merchant_id)  # before anything is stored in vain
        session.add(made)
        session.flush()
        _fill(ctx, session, made, lines(file, layout))
        merchants.lock(session, merchant_id)  # of two that come at once the second sees the first
        _check_room(session, merchant_id, own=1)
        _tell(session, made, Act.FILE_UPLOADED, by=by, at=now, lines=made.lines)
    log.info("file_uploaded", file_import_id=str(made.id), lines=made.lines)
    return made.id


def _check_room(session: Session, merchant_id: uuid.UUID, *, own: int = 0) -> None:
    """Raise TooManyFiles where as many as may be are open already; `own` of those that are counted are this one."""
    if file_imports.open_ones(session, merchant_id) - own >= MOST_OPEN:
        raise TooManyFiles


def _fill(ctx: Context, session: Session, made: FileImport, found: Iterator[Record]) -> None:
    slashes = Slashes()
    for number, part in enumerate(parts(_watched(found, slashes)), start=1):
        _store(ctx, session, made.id, number, part)
        made.parts, made.lines = number, made.lines + len(part)
    made.slashed = sorted(slashes.columns)
    session.flush()


def _watched(found: Iterable[Record], slashes: Slashes) -> Iterator[Record]:
    for record in found:
        slashes.look(record.cells)
        yield record


def _store(ctx: Context, session: Session, import_id: uuid.UUID, number: int, part: list[Record]) -> None:
    content = gzip.compress(json.dumps([[one.line, one.cells] for one in part]).encode(), compresslevel=4, mtime=0)
    row_id = uuid.uuid4()
    box = ctx.vault.seal_bytes(content, purpose=SEALED, row=row_id)
    row = {"id": row_id, "file_import_id": import_id, "number": number, "content": box}
    session.execute(insert(FileImportPart), [row])


def part_of(ctx: Context, session: Session, import_id: uuid.UUID, number: int) -> list[Record] | None:
    """Return the records of one part; None beyond the last, and where the file is gone. Raises CannotOpen."""
    found = file_imports.part(session, import_id, number)
    if found is None:
        return None
    content = gzip.decompress(ctx.vault.open_bytes(found.content, purpose=SEALED, row=found.id))
    return [Record(line, cells) for line, cells in json.loads(content)]


def match_of(found: FileImport) -> Match:
    """Return how its columns are matched."""
    return Match(tuple(Field(name) if name else None for name in found.columns), found.date_order)


def check(ctx: Context, merchant_id: uuid.UUID, import_id: uuid.UUID, match: Match, *, by: By, now: datetime) -> None:
    """Match the columns and have a worker try each line. Raises BadMatches, NotNow, NoResultFound."""
    with ctx.db.begin() as session:
        held = _held(session, merchant_id, import_id, MATCHES)
        wrong = faults(held.brought, match, held.header, held.slashed)
        if len(match.columns) != len(held.header) or wrong:
            raise BadMatches(wrong)
        held.columns, held.date_order = [field or "" for field in match.columns], match.date_order
        _go(session, held, FileImportState.CHECKING, by=by, now=now)
        _tell(session, held, Act.FILE_CHECKED, by=by, at=now, columns=list(held.columns), dates=_word(held.date_order))


def run(
    ctx: Context, merchant_id: uuid.UUID, import_id: uuid.UUID, *, seen: int | None = None, by: By, now: datetime
) -> None:
    """Have a worker carry the lines out, or go on where it was stopped. Raises NotNow, NoResultFound.

    `seen`: the attempt whose check or run a page showed: nobody carries out columns that they have not seen checked.
    """
    with ctx.db.begin() as session:
        held = _held(session, merchant_id, import_id, STARTS)
        if seen is not None and held.attempt != seen:
            raise NotNow
        if held.state is FileImportState.STOPPED:
            _go_on(session, held, FileImportState.RUNNING, by=by, now=now)
        else:
            _go(session, held, FileImportState.RUNNING, by=by, now=now)
        _tell(session, held, Act.FILE_STARTED, by=by, at=now, lines=held.lines, done=held.done)


def stop(ctx: Context, merchant_id: uuid.UUID, import_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Do no further line of a run; what is done stays. Raises NotNow, NoResultFound."""
    with ctx.db.begin() as session:
        halt(session, _held(session, merchant_id, import_id, frozenset({FileImportState.RUNNING})), by=by, now=now)


def halt(session: Session, held: FileImport, *, by: By = PORTAL, now: datetime) -> None:
    """Stop a locked one that runs; by nobody where who started it may import no more."""
    held.state, held.touched_at = FileImportState.STOPPED, now
    _tell(session, held, Act.FILE_STOPPED, by=by, at=now, lines=held.lines, done=held.done)


def remove(ctx: Context, merchant_id: uuid.UUID, import_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Delete a file before its time; that it was there, and what its lines did, stays. Raises NotNow, NoResultFound.

    From now on nobody is shown anything of it; a worker deletes its rows.
    """
    with ctx.db.begin() as session:
        held = _held(session, merchant_id, import_id, frozenset(FileImportState) - WORKING)
        if held.emptied_at is None:
            _empty(held, now=now)
            defer(session, held)
            _tell(session, held, Act.FILE_DELETED, by=by, at=now, lines=held.lines, done=held.done)


def purge(ctx: Context, *, before: datetime, merchant_id: uuid.UUID | None = None, now: datetime) -> int:
    """Delete files that nobody has used since then, of one merchant or of all; return how many.

    What is left of others, since no worker came to the end of it, goes as well.
    """
    number = 0
    while True:
        with ctx.db.begin() as session:
            found = file_imports.old(session, before=before, merchant_id=merchant_id, limit=1)
            for one in found:
                _empty(one, now=now)
        if not found:
            break
        number += len(found)
    with ctx.db.read() as session:
        left = file_imports.left_over(session, merchant_id=merchant_id)
    for import_id in left:
        tidy(ctx, import_id)
    return number


def sweep(ctx: Context, *, now: datetime) -> int:
    """Go on where a job was lost; return how many."""
    with ctx.db.begin() as session:
        lost = file_imports.lost(session, before=now - LOST)
        for one in lost:
            one.touched_at = now
            defer(session, one)
    return len(lost)


def defer(session: Session, held: FileImport) -> None:
    """Give an import to a worker, in the session's transaction; one at a time of each merchant."""
    lock = f"file_imports:{held.merchant_id}"
    queue.defer(session, queue.RUN_FILE_IMPORT, lock=lock, import_id=str(held.id), attempt=held.attempt)


def _held(
    session: Session, merchant_id: uuid.UUID, import_id: uuid.UUID, states: frozenset[FileImportState]
) -> FileImport:
    file_imports.of_merchant(session, merchant_id, import_id)
    held = file_imports.lock(session, import_id)
    assert held is not None  # noqa: S101 - imports are never deleted while their merchant is there
    session.refresh(held)
    if held.state not in states or (held.emptied_at is not None and held.state is not FileImportState.DONE):
        raise NotNow
    return held


def _go(session: Session, held: FileImport, state: FileImportState, *, by: By, now: datetime) -> None:
    """Begin an attempt, from the first line."""
    held.attempt += 1
    held.part = held.done = held.made = held.changed = held.same = held.refused = 0
    _go_on(session, held, state, by=by, now=now)


def _go_on(session: Session, held: FileImport, state: FileImportState, *, by: By, now: datetime) -> None:
    """Have a worker do what is left, for who asks for it now."""
    held.state, held.touched_at, held.finished_at, held.failed_at = state, now, None, None
    held.staff_id, held.staff_name = by.actor_id, by.name
    defer(session, held)


def _empty(held: FileImport, *, now: datetime) -> None:
    """Write that a file is gone; its rows are deleted by `tidy`."""
    held.emptied_at = now
    held.header, held.file_name = [], ""


def _tell(session: Session, found: FileImport, act: Act, *, by: By, at: datetime, **more: object) -> None:
    told = {"brought": found.brought.value, **more}
    audit.append(session, found.merchant_id, act, by=by, at=at, subject=("file_import", found.id), **told)


def _word(order: DateOrder | None) -> str:
    return order.value if order is not None else ""
