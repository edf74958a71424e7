"""Give a list of the desk as a file: exactly the rows that it shows, in its order, as they stood at one moment.

A short one is read while its reader waits; a long one is made by a worker, in parts, and kept for some days.
"""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal import queue
from portal.clock import utc_now
from portal.domain.audit import Act, By
from portal.domain.desk.list_exports import AT_ONCE, KEPT, MOST_OPEN, FileState, Format
from portal.domain.desk.list_filters import ListFilter
from portal.domain.desk.list_views import FILTERS, List, written
from portal.domain.ends.duties import Duty
from portal.domain.errors import DomainError
from portal.models import ListExport, ListExportPart, Staff
from portal.queries.desk import list_exports
from portal.queries.desk.subscription_filters import Whose
from portal.queries.merchants.merchant_rows import see_one_moment
from portal.queries.people import merchants, staff
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.handing_over import whole
from portal.services.list_lines import head, writer
from portal.services.people import staff_alerts

log = structlog.get_logger("portal.list_exports")

SEALED: Final = "list_export_parts.content"
LOST: Final = timedelta(minutes=20)  # so long without a row, longer than between two tries: nobody makes it any more


class TooLong(DomainError):
    """The list has more rows than are read while somebody waits."""


class TooMany(DomainError):
    """So many files of the merchant are being made already."""


def export(ctx: Context, whose: Whose, which: List, wanted: ListFilter, file_format: Format, *, by: By) -> list[str]:
    """Return the file in pieces, and note in the chain that it was taken. Raises TooLong.

    All rows are of one moment: a row that changes meanwhile is in the file as it was, once.
    """
    write = writer(file_format, ZoneInfo(whose.time_zone))
    pieces, rows = [head(file_format, type(wanted))], 0
    with ctx.db.begin() as session:
        see_one_moment(session)
        for page in list_exports.pages(session, whose, wanted, most=AT_ONCE):
            rows += len(page)
            if rows > AT_ONCE:
                raise TooLong
            pieces.append("".join(write(row) for row in page))
    with ctx.db.begin() as session:
        _note(session, whose.merchant_id, which, wanted, file_format, by=by, at=whose.now, rows=rows)
    return pieces


def start(
    ctx: Context, whose: Whose, staff_id: uuid.UUID, which: List, wanted: ListFilter, file_format: Format, *, by: By
) -> uuid.UUID:
    """Have a worker make the file of a list that is not searched; the same one that is under way stands for it.

    Raises TooMany.
    """
    query = written(wanted)
    with ctx.db.begin() as session:
        merchants.lock(session, whose.merchant_id)  # of two clicks the second sees the first
        under_way = list_exports.under_way(session, whose.merchant_id)
        for one in under_way:
            if (one.staff_id, one.of_list, one.file_format, one.query) == (staff_id, which, file_format, query):
                return one.id
        if len(under_way) >= MOST_OPEN:
            raise TooMany
        made = ListExport(
            id=uuid.uuid4(),
            created_at=whose.now,
            merchant_id=whose.merchant_id,
            staff_id=staff_id,
            of_list=which,
            file_format=file_format,
            query=query,
            touched_at=whose.now,
        )
        session.add(made)
        _note(session, whose.merchant_id, which, wanted, file_format, by=by, at=whose.now, file=str(made.id))
        queue.defer(session, queue.EXPORT_LIST, export_id=str(made.id))
        return made.id


def make(ctx: Context, export_id: uuid.UUID, *, now: datetime) -> None:
    """Make one file, from its beginning, unless it is made or gone; whoever asked is written to.

    It is forgotten where they may take no lists any more: who was let go meanwhile hears nothing of the merchant's.
    """
    with ctx.db.begin() as session:
        found = list_exports.lock(session, export_id)
        if found is None or _is_settled(found) or not _is_wanted(session, found):
            return
        session.execute(delete(ListExportPart).where(ListExportPart.export_id == export_id))
        found.attempt, found.rows, found.size, found.touched_at, found.seen_at = found.attempt + 1, 0, 0, now, now
        zone = merchants.of(session, found.merchant_id).time_zone
    whose = Whose(merchant_id=found.merchant_id, time_zone=zone, now=now)
    number = 0
    for number, (text, rows, total) in enumerate(_stretches(ctx, whose, found), start=1):
        if not _keep(ctx, found, number, text, rows, total):
            return
    with ctx.db.begin() as session:
        done = list_exports.lock(session, export_id)
        if done is None or done.attempt != found.attempt or not _is_wanted(session, done):
            return
        done.state, done.ready_at, done.total = FileState.READY, now, done.rows
        staff_alerts.list_ready(ctx, session, session.get_one(Staff, done.staff_id), done, until=now + KEPT, now=now)
    log.info("list_exported", export_id=str(export_id), parts=number, rows=done.rows)


def give_up(ctx: Context, export_id: uuid.UUID, *, now: datetime) -> None:
    """Write that a file could not be made, and tell whoever asked, who may start again. What was stored of it goes."""
    with ctx.db.begin() as session:
        found = list_exports.lock(session, export_id)
        if found is None or _is_settled(found) or not _is_wanted(session, found):
            return
        session.execute(delete(ListExportPart).where(ListExportPart.export_id == export_id))
        found.attempt, found.failed_at = found.attempt + 1, now
        staff_alerts.list_failed(ctx, session, session.get_one(Staff, found.staff_id), found, now=now)
    log.error("list_export_given_up", export_id=str(export_id))


def _is_settled(found: ListExport) -> bool:
    return found.state is FileState.READY or found.failed_at is not None


def _is_wanted(session: Session, found: ListExport) -> bool:
    """Say whether who asked may still have it; it is forgotten otherwise."""
    if staff.allowed(session, found.merchant_id, found.staff_id, Duty.EXPORT) is not None:
        return True
    session.delete(found)
    return False


def _stretches(ctx: Context, whose: Whose, found: ListExport) -> Iterator[tuple[str, int, int | None]]:
    """Yield the file's text, how many rows it holds, and how many there are in all; one snapshot, little memory."""
    filters = FILTERS[found.of_list]
    wanted = filters.parse((name, value) for name, value in found.query).filter
    write = writer(found.file_format, ZoneInfo(whose.time_zone))
    yield head(found.file_format, filters), 0, None
    with ctx.db.begin() as session:
        see_one_moment(session)
        total = list_exports.total(session, whose, wanted)
        for page in list_exports.pages(session, whose, wanted):
            yield "".join(write(row) for row in page), len(page), total


def _keep(ctx: Context, found: ListExport, number: int, text: str, rows: int, total: int | None) -> bool:
    """Store one stretch; False where another job makes the file by now, or nobody wants it any more."""
    content = text.encode()
    part = ListExportPart(id=uuid.uuid4(), export_id=found.id, number=number)
    part.content = ctx.vault.seal_bytes(gzip.compress(content, compresslevel=6, mtime=0), purpose=SEALED, row=part.id)
    with ctx.db.begin() as session:
        held = list_exports.lock(session, found.id)
        if held is None or held.attempt != found.attempt:
            return False
        session.add(part)
        held.rows, held.size, held.total = held.rows + rows, held.size + len(content), total
        held.touched_at = utc_now()
    return True


def content_of(ctx: Context, found: ListExport, *, by: By, now: datetime) -> Iterator[str]:
    """Note in the chain that the file is taken, then return its text in pieces. Raises CannotOpen, CutOff."""
    wanted = FILTERS[found.of_list].parse((name, value) for name, value in found.query).filter
    with ctx.db.begin() as session:
        told = {"rows": found.rows, "file": str(found.id), "taken": True}
        _note(session, found.merchant_id, found.of_list, wanted, found.file_format, by=by, at=now, **told)
    return whole(_pieces(ctx, found.id), found.size)


def _pieces(ctx: Context, export_id: uuid.UUID) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        with ctx.db.read() as session:
            part = list_exports.part(session, export_id, number)
        if part is None:
            return
        yield gzip.decompress(ctx.vault.open_bytes(part.content, purpose=SEALED, row=part.id)).decode()


def sweep(ctx: Context, *, now: datetime) -> int:
    """Have those made whose job was lost; return how many."""
    with ctx.db.begin() as session:
        lost = list_exports.lost(session, before=now - LOST)
        for one in lost:
            one.touched_at = now
            queue.defer(session, queue.EXPORT_LIST, export_id=str(one.id))
    return len(lost)


def purge(ctx: Context, *, now: datetime) -> None:
    """Forget files that were ready, or given up, for long enough."""
    with ctx.db.begin() as session:
        session.execute(delete(ListExport).where(list_exports.is_over(now=now)))


def _note(
    session: Session,
    merchant_id: uuid.UUID,
    which: List,
    wanted: ListFilter,
    file_format: Format,
    *,
    by: By,
    at: datetime,
    **more: Any,
) -> None:
    told: dict[str, Any] = {"list": which.value, "format": file_format.value, "query": written(wanted)}
    told |= {"searched": bool(wanted.search), **more}
    audit.append(session, merchant_id, Act.EXPORT_LIST, by=by, at=at, **told)
