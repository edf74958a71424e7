"""Everything of a merchant as one archive: JSON Lines and CSV per table, no secrets, all of one moment."""

from __future__ import annotations

import json
import uuid
import zipfile
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import UTC, datetime
from typing import IO, Any, Final

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.queries.merchants import merchant_rows
from portal.services.archives import plain
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.csv_files import MARK, line_of

README: Final = """\
Everything that the portal keeps of one merchant, as it stood at {at}.

Each table twice: `jsonl/<table>.jsonl`, one row a line (JSON, UTF-8), and `csv/<table>.csv` for a spreadsheet (UTF-8
with a mark, semicolons, an apostrophe before what would be calculated). What each table holds: docs/archive.md.

Times are UTC (ISO 8601), amounts are decimal text beside their currency, `id` and `…_id` tie the rows together.
`logos.content` is PNG and `paypal_events.body` what PayPal sent, both as base64. `audit_entries` is the audit chain:
each row's `hash` covers it and the hash before (`flask audit export` gives it as it is checked).

Not in here: passwords, second factors, passkeys, PayPal keys, the content of sent emails, log-in codes, links and
sessions; and the PDF files of proofs, which are made from `proofs.facts`.
"""


def export(ctx: Context, merchant_id: uuid.UUID, file: IO[bytes], *, by: By, now: datetime) -> dict[str, int]:
    """Write the archive (ZIP) into an open file, piece by piece, and return how many rows each table gave."""
    with ctx.db.begin() as session:
        audit.append(session, merchant_id, Act.EXPORT_MERCHANT, by=by, at=now)
    with ctx.db.begin() as session:
        return fill(session, merchant_id, file, now=now)


def fill(
    session: Session,
    merchant_id: uuid.UUID,
    file: IO[bytes],
    *,
    on_table: Callable[[int], object] = lambda _rows: None,
    now: datetime,
) -> dict[str, int]:
    """Write the archive in a transaction that begins here; `on_table` is told the rows of each table that is done."""
    counts: dict[str, int] = {}
    merchant_rows.see_one_moment(session)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README.format(at=now.astimezone(UTC).isoformat(timespec="seconds")))
        for table in merchant_rows.tables():
            for name, write in (("jsonl", _json), ("csv", _csv)):
                with archive.open(f"{name}/{table.name}.{name}", "w", force_zip64=True) as lines:
                    names = [column.name for column in merchant_rows.columns(table)]
                    counts[table.name] = write(lines, names, merchant_rows.rows(session, table, merchant_id))
            on_table(counts[table.name])
    return counts


def _json(lines: IO[bytes], names: list[str], rows: Generator[RowMapping]) -> int:
    count = 0
    with closing(rows):  # also when the disk is full: the database still has rows to give
        for row in rows:
            facts = {name: plain(row[name]) for name in names}
            lines.write(json.dumps(facts, ensure_ascii=False).encode() + b"\n")
            count += 1
    return count


def _csv(lines: IO[bytes], names: list[str], rows: Generator[RowMapping]) -> int:
    count = 0
    lines.write((MARK + line_of(names)).encode())
    with closing(rows):
        for row in rows:
            lines.write(line_of(_cell(plain(row[name])) for name in names).encode())
            count += 1
    return count


def _cell(value: Any) -> object:
    return "" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
