"""Rows that go out: a merchant's audit chain as CSV, against PostgreSQL's COPY of the same rows to the standard output.

The product runs in a process of its own, so that its peak memory is known, and writes to nowhere; COPY's rows are read
and dropped.  The chain's rows look like real ones; their hashes do not hold, which an export does not look at.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from pathlib import Path
from statistics import median
from typing import Any, Final

import psycopg
from psycopg import sql

from bench.measures import ROUNDS, Measure
from bench.memory import peak
from bench.stack import NOWHERE, Stack
from portal import logs
from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.models import Merchant
from portal.services.audit import audit_exports
from portal.services.audit.audit_exports import COLUMNS, Format

FEW, SOME, MANY = 10_000, 30_000, 1_000_000
FILL: Final = """
    INSERT INTO audit_entries
        (merchant_id, number, at, act, actor, actor_id, channel, subject_kind, subject_id, details, previous_hash, hash)
    SELECT %(merchant_id)s, n, now() - n * interval '1 second', 'subscription.end_requested', 'staff',
        gen_random_uuid(), 'desk', 'subscription', gen_random_uuid(),
        jsonb_build_object('reference', 'KXHT-' || n, 'reason', 'too_expensive', 'outcome', 'cancelled', 'attempts', 1),
        encode(sha256(int8send(n)), 'hex'), encode(sha256(int8send(n + 1)), 'hex')
    FROM generate_series(1, %(count)s::bigint) AS n
"""
END: Final = """
    INSERT INTO audit_heads (merchant_id, number, hash)
    SELECT merchant_id, number, hash FROM audit_entries WHERE merchant_id = %s ORDER BY number DESC LIMIT 1
"""
COPY: Final = sql.SQL(
    "COPY (SELECT {} FROM audit_entries WHERE merchant_id = {} ORDER BY number)"
    " TO STDOUT (FORMAT csv, HEADER, DELIMITER ';', FORCE_QUOTE *)"
)


def run(stack: Stack) -> list[Measure]:
    """Export some rows in turn with COPY, then very many in one run; compare its memory with that for few."""
    few, some, many = (1_000, 5_000, 20_000) if stack.small else (FEW, SOME, MANY)
    with stack.database() as url, stack.context(url, NOWHERE) as ctx:
        chains = {count: uuid.uuid4() for count in (few, some, many)}
        with ctx.db.begin() as session:
            session.add_all(Merchant(id=found, slug=f"bench-{count}", name="Bench") for count, found in chains.items())
        with psycopg.connect(url, autocommit=True) as connection:
            for count, merchant_id in chains.items():
                connection.execute(FILL, {"merchant_id": merchant_id, "count": count})
                connection.execute(END, (merchant_id,))
            connection.execute("VACUUM (ANALYZE) audit_entries")
        small = [_export(stack, url, chains[few]) for _ in range(ROUNDS)]
        seen = [(_copy(url, chains[some]), _export(stack, url, chains[some])) for _ in range(ROUNDS)]
        least, whole = _copy(url, chains[many]), _export(stack, url, chains[many])
    note = "the audit chain, CSV"
    about = f"floor: {few:,} rows; whole process"
    rate, base = median(told["rate"] for _, told in seen), median(told["peak_mib"] for told in small)
    return [
        Measure(f"export of {some:,} rows", rate, median(one for one, _ in seen), "rows/s", note, "≥ 0.30"),
        Measure(f"export of {many:,} rows", whole["rate"], least, "rows/s", f"{whole['seconds']:.0f} s", "≥ 0.30"),
        Measure(f"export of {many:,}, peak memory", whole["peak_mib"], base, "MiB", about, "flat"),
    ]


def _copy(url: str, merchant_id: uuid.UUID) -> float:
    """Return how many rows a second COPY gives."""
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        with cursor.copy(COPY.format(columns, sql.Literal(merchant_id))) as copy:
            for _block in copy:
                pass
        return cursor.rowcount / (time.perf_counter() - started)


def _export(stack: Stack, url: str, merchant_id: uuid.UUID) -> dict[str, Any]:
    told = stack.told("bench.exports", url, str(merchant_id))
    return told | {"rate": told["rows"] / told["seconds"]}


def main(url: str, merchant_id: str) -> None:
    """Export a chain to nowhere and print what it took."""
    logs.set_up("warning")
    stack = Stack(folder=Path(), server_url="", small=False)
    with stack.context(url, NOWHERE) as ctx, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        started, lines = time.perf_counter(), 0
        for piece in audit_exports.export(ctx, uuid.UUID(merchant_id), Format.CSV, by=OPERATOR, now=utc_now()):
            nowhere.write(piece)
            lines += piece.count("\n")
        seconds = time.perf_counter() - started
    print(json.dumps({"rows": lines - 1, "seconds": seconds, "peak_mib": peak()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
