"""Give an operator everything of a merchant as one archive: JSON Lines per table, no secrets, all of one moment."""

from __future__ import annotations

import json
import uuid
import zipfile
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from typing import IO, Final

from sqlalchemy import RowMapping

from portal.domain.audit import Act, By
from portal.queries.merchants import merchant_rows
from portal.services.archives import plain
from portal.services.audit import audit
from portal.services.context import Context

README: Final = """\
Everything that the portal keeps of one merchant, as it stood at {at}.

One file a table, one row a line (JSON, UTF-8). Times are UTC (ISO 8601), amounts are decimal text beside their
currency, `id` and `…_id` tie the rows together. `logos.content` is PNG and `paypal_events.body` what PayPal sent,
both as base64. `audit_entries` is the audit chain: each row's `hash` covers it and the hash before
(`flask audit export` gives it as it is checked).

Not in here: passwords, second factors, passkeys, PayPal keys, the content of sent emails, log-in codes, links and
sessions; and the PDF files of proofs, which are made from `proofs.facts`.
"""


def export(ctx: Context, merchant_id: uuid.UUID, file: IO[bytes], *, by: By, now: datetime) -> dict[str, int]:
    """Write the archive (ZIP) into an open file, piece by piece, and return how many rows each table gave."""
    with ctx.db.begin() as session:
        audit.append(session, merchant_id, Act.EXPORT_MERCHANT, by=by, at=now)
    counts: dict[str, int] = {}
    with ctx.db.begin() as session, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        merchant_rows.see_one_moment(session)
        archive.writestr("README.txt", README.format(at=now.astimezone(UTC).isoformat(timespec="seconds")))
        for table in merchant_rows.tables():
            with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as lines:
                counts[table.name] = _write(lines, merchant_rows.rows(session, table, merchant_id))
    return counts


def _write(lines: IO[bytes], rows: Generator[RowMapping]) -> int:
    count = 0
    with closing(rows):  # also when the disk is full: the database still has rows to give
        for row in rows:
            lines.write(json.dumps({name: plain(value) for name, value in row.items()}, ensure_ascii=False).encode())
            lines.write(b"\n")
            count += 1
    return count
