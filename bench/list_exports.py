"""The list of subscriptions as a file, as a worker makes it, against PostgreSQL's COPY of the same columns.

The worker's part (query, lines, packing, sealing, storing) runs in a process of its own, so that its peak memory is
known.  COPY's rows are read and dropped.  Memory has to be as flat for a million rows as for ten thousand.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import select

from bench import desk_data, people
from bench.measures import Measure
from bench.memory import peak
from bench.stack import NOWHERE, Stack
from portal import logs
from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.desk.list_exports import Format
from portal.domain.desk.list_views import FILTERS, List
from portal.models import ListExport
from portal.queries.desk.subscription_filters import Whose
from portal.services import list_exports

SIZES: Final = (10_000, 100_000, 1_000_000)
COPY: Final = """
    COPY (SELECT subscriptions.*, customers.name, email, products.name, plans.name FROM subscriptions
        JOIN customers ON customers.id = customer_id JOIN products ON products.id = product_id
        LEFT JOIN plans ON plans.id = plan_id ORDER BY subscriptions.created_at DESC) TO STDOUT (FORMAT csv)
"""


def run(stack: Stack) -> list[Measure]:
    """Make the file of a few, of many and of very many rows."""
    found: list[Measure] = []
    least = 0.0
    for size in (500, 2_000, 5_000) if stack.small else SIZES:
        told, rate = _made(stack, size)
        least = least or told["peak_mib"]
        note = (
            f"{told['seconds']:.0f} s, {told['bytes'] / 1024**2:.0f} MiB of text, {told['stored'] / 1024**2:.0f} stored"
        )
        name = f"list as a file, {size:,} subscriptions"
        found.append(Measure(name, told["rows"] / told["seconds"], rate, "rows/s", note, "≥ 0.30"))
        found.append(Measure(f"{name}, peak memory", told["peak_mib"], least, "MiB", "whole process", "flat"))
    return found


def _made(stack: Stack, size: int) -> tuple[dict[str, Any], float]:
    """Return what the worker's process says of itself, and how many rows a second COPY gives."""
    with stack.database() as url, stack.context(url, NOWHERE) as ctx:
        owner = people.staff(ctx.db)
        with psycopg.connect(url) as connection:
            desk_data.fill(connection, owner.merchant_id, size)
            started = time.perf_counter()
            with connection.cursor().copy(COPY) as copy:
                for _block in copy:
                    pass
            rate = size / (time.perf_counter() - started)
        return stack.told("bench.list_exports", url, str(owner.merchant_id), str(owner.id)), rate


def main(url: str, merchant_id: str, staff_id: str) -> None:
    """Make a file of all subscriptions and print what it took."""
    logs.set_up("warning")
    stack = Stack(folder=Path(), server_url="", small=False)
    with stack.context(url, NOWHERE) as ctx:
        whose = Whose(merchant_id=uuid.UUID(merchant_id), time_zone="Europe/Paris", now=utc_now())
        wanted, started = FILTERS[List.SUBSCRIPTIONS](), time.perf_counter()
        made = list_exports.start(ctx, whose, uuid.UUID(staff_id), List.SUBSCRIPTIONS, wanted, Format.CSV, by=OPERATOR)
        list_exports.make(ctx, made, now=utc_now())
        seconds, most = time.perf_counter() - started, peak()
        with ctx.db.read() as session:
            done = session.scalars(select(ListExport).where(ListExport.id == made)).one()
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT sum(length(content)) FROM list_export_parts").fetchone()
    told = {"rows": done.rows, "bytes": done.size, "stored": int(row[0]) if row else 0}
    print(json.dumps(told | {"seconds": seconds, "peak_mib": most}))


if __name__ == "__main__":
    main(*sys.argv[1:])
