"""An owner takes everything of their merchant: one archive, made by a job, kept sealed for a week.

It is written as it is read, and stored piece by piece: neither the rows nor the file is ever whole in memory.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import delete

from portal import queue
from portal.clock import utc_now
from portal.domain.audit import Act, By
from portal.domain.desk.list_exports import KEPT, FileState
from portal.domain.ends.duties import Duty
from portal.models import MerchantArchive, MerchantArchivePart
from portal.queries.merchants import merchant_archives, merchant_rows
from portal.queries.people import merchants, staff
from portal.services.archives import MERCHANT as SEALED
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.handing_over import whole
from portal.services.merchants import exports
from portal.services.people import staff_alerts

log = structlog.get_logger("portal.merchant_archives")

PIECE: Final = 1024 * 1024
LOST: Final = timedelta(minutes=20)  # so long without a piece, longer than between two tries: nobody makes it any more


class _Overtaken(Exception):
    """Another job makes the archive by now, or nobody wants it any more."""


class _Pieces(io.RawIOBase):
    """A file that can only be written on and on; each piece of it is handed over as it is full."""

    def __init__(self, keep: Callable[[bytes], object]) -> None:
        self._keep = keep
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._held += piece
        while len(self._held) >= PIECE:
            self._keep(bytes(self._held[:PIECE]))
            del self._held[:PIECE]
        return len(piece)

    def finish(self) -> None:
        """Hand over what is left."""
        if self._held:
            self._keep(bytes(self._held))
            self._held.clear()


def start(ctx: Context, merchant_id: uuid.UUID, *, by: By, now: datetime) -> uuid.UUID:
    """Have the archive made; one that is under way stands for it, one before goes."""
    assert by.actor_id is not None  # noqa: S101 - somebody of the desk
    with ctx.db.begin() as session:
        merchants.lock(session, merchant_id)  # of two clicks the second sees the first
        known = merchant_archives.newest(session, merchant_id, now=now)
        if known is not None and not _is_settled(known):
            return known.id
        session.execute(delete(MerchantArchive).where(MerchantArchive.merchant_id == merchant_id))
        made = MerchantArchive(
            id=uuid.uuid4(), created_at=now, merchant_id=merchant_id, staff_id=by.actor_id, touched_at=now
        )
        session.add(made)
        audit.append(session, merchant_id, Act.EXPORT_MERCHANT, by=by, at=now, archive=str(made.id))
        queue.defer(session, queue.ARCHIVE_MERCHANT, archive_id=str(made.id))
        return made.id


def make(ctx: Context, archive_id: uuid.UUID, *, now: datetime) -> None:
    """Make one archive, from its beginning, unless it is made or gone."""
    with ctx.db.begin() as session:
        found = merchant_archives.lock(session, archive_id)
        if found is None or _is_settled(found):
            return
        session.execute(delete(MerchantArchivePart).where(MerchantArchivePart.archive_id == archive_id))
        found.attempt, found.touched_at = found.attempt + 1, now
        found.tables = found.rows = found.size = 0
        found.of_tables = len(merchant_rows.tables())
    writer = _Writer(ctx, found)
    file = _Pieces(writer.keep)
    try:
        with ctx.db.begin() as session:
            exports.fill(session, found.merchant_id, file, on_table=writer.count, now=now)  # type: ignore[arg-type]
        file.finish()
        writer.close(now=utc_now())
    except _Overtaken:
        return
    log.info("merchant_archived", archive_id=str(archive_id))


def give_up(ctx: Context, archive_id: uuid.UUID, *, now: datetime) -> None:
    """Write that an archive could not be made, and tell who asked, who may start again. What was stored of it goes."""
    with ctx.db.begin() as session:
        found = merchant_archives.lock(session, archive_id)
        if found is None or _is_settled(found):
            return
        session.execute(delete(MerchantArchivePart).where(MerchantArchivePart.archive_id == archive_id))
        found.attempt, found.failed_at = found.attempt + 1, now
        owner = staff.allowed(session, found.merchant_id, found.staff_id, Duty.ARCHIVE)
        if owner is not None:
            staff_alerts.archive_failed(ctx, session, owner, found, now=now)
    log.error("merchant_archive_given_up", archive_id=str(archive_id))


def _is_settled(found: MerchantArchive) -> bool:
    return found.state is FileState.READY or found.failed_at is not None


class _Writer:
    """Stores pieces and progress of one attempt, each in a transaction of its own."""

    def __init__(self, ctx: Context, found: MerchantArchive) -> None:
        self._ctx = ctx
        self._id, self._attempt = found.id, found.attempt
        self._number = 0

    def keep(self, piece: bytes) -> None:
        """Store one piece. Raises _Overtaken."""
        self._number += 1
        part = MerchantArchivePart(id=uuid.uuid4(), archive_id=self._id, number=self._number)
        part.content = self._ctx.vault.seal_bytes(piece, purpose=SEALED, row=part.id)
        self._change(part, size=len(piece))

    def count(self, rows: int) -> None:
        """Write that one table more is done. Raises _Overtaken."""
        self._change(None, tables=1, rows=rows)

    def close(self, *, now: datetime) -> None:
        """Write that all of it is there, and tell who asked, if they still own the merchant. Raises _Overtaken."""
        with self._ctx.db.begin() as session:
            held = merchant_archives.lock(session, self._id)
            if held is None or held.attempt != self._attempt:
                raise _Overtaken
            held.state, held.ready_at = FileState.READY, now
            owner = staff.allowed(session, held.merchant_id, held.staff_id, Duty.ARCHIVE)
            if owner is not None:
                staff_alerts.archive_ready(self._ctx, session, owner, held, until=now + KEPT, now=now)

    def _change(self, part: MerchantArchivePart | None, **more: int) -> None:
        with self._ctx.db.begin() as session:
            held = merchant_archives.lock(session, self._id)
            if held is None or held.attempt != self._attempt:
                raise _Overtaken
            if part is not None:
                session.add(part)
            for name, number in more.items():
                setattr(held, name, getattr(held, name) + number)
            held.touched_at = utc_now()


def content_of(
    ctx: Context, merchant_id: uuid.UUID, archive_id: uuid.UUID, *, by: By, now: datetime
) -> Iterator[bytes]:
    """Note in the chain that the archive is taken, then return it in pieces.

    Raises NoResultFound, CannotOpen, CutOff.
    """
    with ctx.db.begin() as session:
        found = merchant_archives.ready(session, merchant_id, archive_id, now=now)
        told: dict[str, Any] = {"archive": str(found.id), "rows": found.rows, "taken": True}
        audit.append(session, merchant_id, Act.EXPORT_MERCHANT, by=by, at=now, **told)
    return whole(_opened(ctx, found.id), found.size)


def _opened(ctx: Context, archive_id: uuid.UUID) -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        with ctx.db.read() as session:
            part = merchant_archives.part(session, archive_id, number)
        if part is None:
            return
        yield ctx.vault.open_bytes(part.content, purpose=SEALED, row=part.id)


def sweep(ctx: Context, *, now: datetime) -> int:
    """Have those made whose job was lost; return how many."""
    with ctx.db.begin() as session:
        lost = merchant_archives.lost(session, before=now - LOST)
        for one in lost:
            one.touched_at = now
            queue.defer(session, queue.ARCHIVE_MERCHANT, archive_id=str(one.id))
    return len(lost)
