"""Give a merchant's audit chain as a file, and say in the chain that it was given."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final

from portal.domain.audit import Act, By, canonical
from portal.models import AuditEntry
from portal.queries import audit
from portal.services.audit.audit import append
from portal.services.context import Context
from portal.services.csv_files import MARK, line_of

BATCH: Final = 1000
COLUMNS: Final = (
    "number",
    "at",
    "act",
    "actor",
    "actor_id",
    "channel",
    "subject_kind",
    "subject_id",
    "details",
    "previous_hash",
    "hash",
)


class Format(StrEnum):
    """Of the file. JSON lines hold all that is needed to check the chain; a CSV is for reading."""

    CSV = "csv"
    JSONL = "jsonl"


def export(
    ctx: Context,
    merchant_id: uuid.UUID,
    wanted: Format,
    *,
    by: By,
    since: datetime | None = None,
    until: datetime | None = None,
    now: datetime,
) -> Iterator[str]:
    """Append that the chain is exported, then return its text in pieces, oldest row first.

    From the first row at or after `since` to the last before `until`, without gaps: what lies between belongs to it.
    """
    asked = {"since": since.isoformat() if since else None, "until": until.isoformat() if until else None}
    with ctx.db.begin() as session:
        append(session, merchant_id, Act.EXPORT_AUDIT, by=by, at=now, format=wanted.value, span=asked)
    with ctx.db.read() as session:
        span = audit.span(session, merchant_id, since=since, until=until)
    return _pieces(ctx, merchant_id, wanted, span)


def _pieces(ctx: Context, merchant_id: uuid.UUID, wanted: Format, span: tuple[int, int] | None) -> Iterator[str]:
    if wanted is Format.CSV:
        yield MARK + line_of(COLUMNS)
    if span is None:
        return
    line = _csv_line if wanted is Format.CSV else _json_line
    for rows in audit.batches(ctx.db, merchant_id, first=span[0], last=span[1], size=BATCH):
        yield "".join(line(row) for row in rows)


def _json_line(row: AuditEntry) -> str:
    return canonical(row.entry.facts | {"hash": row.hash}) + "\n"


def _csv_line(row: AuditEntry) -> str:
    facts = row.entry.facts | {"details": canonical(row.details), "hash": row.hash}
    return line_of("" if facts[name] is None else facts[name] for name in COLUMNS)
