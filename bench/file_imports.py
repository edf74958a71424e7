"""A merchant's CSV of customers: stored, checked, carried out, carried out once more; and an archive of everything.

Each in a process of its own, whose peak memory and time are told.  Three lines are wrong, the last one among them.
There is no floor: a line writes a customer, its search words, its row of the audit chain and of what earlier lines have
said.  The largest is carried out once: it takes the better part of an hour.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.measures import Measure
from bench.memory import peak
from bench.stack import NOWHERE, Stack, merchant_with_key
from portal import logs
from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.desk.file_imports import Brought
from portal.domain.policies import Actor, Role
from portal.models import FileImport, Staff
from portal.services.context import Context
from portal.services.imports import file_import_running, file_imports
from portal.services.merchants import merchant_archives
from portal.services.people import staff_logins

SIZES: Final = (10_000, 100_000, 1_000_000)
TWICE: Final = 100_000  # lines, at most
STEPS: Final = ("store", "check", "run", "again")


def run(stack: Stack) -> list[Measure]:
    """Bring files of growing size, each to a database of its own."""
    found = [measure(stack, size) for size in ((1_000, 5_000) if stack.small else SIZES)]
    first, measures = found[0], []
    for told in found:
        about = f"{told['lines']:,} lines"
        for step in (step for step in STEPS if step in told):
            note = f"{told[step]:.1f} s"
            measures.append(Measure(f"file: {step}, {about}", told["lines"] / told[step], None, "lines/s", note, ""))
        note = f"floor: {first['lines']:,} lines; whole process"
        measures.append(
            Measure(f"file, peak memory, {about}", told["peak_mib"], first["peak_mib"], "MiB", note, "flat")
        )
        note = f"{told['archive']:.1f} s"
        measures.append(
            Measure(f"archive, peak memory, {about}", told["archive_mib"], first["archive_mib"], "MiB", note, "flat")
        )
    return measures


def measure(stack: Stack, size: int) -> dict[str, Any]:
    """Return seconds and peaks for one size."""
    with stack.database() as url:
        with stack.context(url, NOWHERE) as ctx:
            merchant_id = merchant_with_key(ctx)
        told = stack.told("bench.file_imports", url, str(merchant_id), str(size))
        return told | stack.told("bench.file_imports", url, str(merchant_id), "archive")


def lines(size: int) -> Iterator[str]:
    """Yield the file, which this process never holds as a whole either."""
    yield "email;nom;external_id;langue\n"
    wrong = {size // 7, size // 2, size - 1}
    for n in range(size):
        yield f"wrong {n};Zoé Durand {n};;fr\n" if n in wrong else f"p{n}@client.test;Zoé Durand {n};A{n};fr\n"


def main(url: str, merchant: str, what: str) -> None:
    """Bring a file of that many lines, or make the archive, and print what it took."""
    logs.set_up("warning")
    stack = Stack(folder=Path(), server_url="", small=False)
    with stack.context(url, NOWHERE) as ctx:
        by = _somebody(ctx, uuid.UUID(merchant))
        told = (
            _archive(ctx, uuid.UUID(merchant), by)
            if what == "archive"
            else _bring(ctx, uuid.UUID(merchant), by, int(what))
        )
    print(json.dumps(told))


def _bring(ctx: Context, merchant_id: uuid.UUID, by: By, size: int) -> dict[str, Any]:
    file = Path(f"/tmp/bench-{uuid.uuid4().hex}.csv")  # noqa: S108 - as the web's own temporary file
    with file.open("w", encoding="utf-8") as written:
        written.writelines(lines(size))
    told: dict[str, Any] = {"lines": size}
    try:
        with file.open("rb") as opened:
            made, told["store"] = _timed(lambda: _store(ctx, merchant_id, by, opened))
        told["base_mib"] = peak()
        for step, act in (("check", "check"), ("run", "run")):
            told[step] = _timed(lambda act=act: _go(ctx, merchant_id, made, by, act))[1]
        if size <= TWICE:
            with file.open("rb") as opened:
                again = _store(ctx, merchant_id, by, opened)
            _go(ctx, merchant_id, again, by, "check")
            told["again"] = _timed(lambda: _go(ctx, merchant_id, again, by, "run"))[1]
    finally:
        file.unlink()
    return told | {"peak_mib": peak()}


def _store(ctx: Context, merchant_id: uuid.UUID, by: By, file: Any) -> uuid.UUID:
    staff_id, now = by.actor_id or merchant_id, utc_now()
    return file_imports.start(
        ctx, merchant_id, Brought.CUSTOMERS, file, file_name="a.csv", staff_id=staff_id, by=by, now=now
    )


def _go(ctx: Context, merchant_id: uuid.UUID, made: uuid.UUID, by: By, act: str) -> None:
    with ctx.db.read() as session:
        match = file_imports.match_of(session.get_one(FileImport, made))
    if act == "check":
        file_imports.check(ctx, merchant_id, made, match, by=by, now=utc_now())
    else:
        file_imports.run(ctx, merchant_id, made, by=by, now=utc_now())
    with ctx.db.read() as session:
        attempt = session.get_one(FileImport, made).attempt
    while file_import_running.do_part(ctx, made, attempt, now=utc_now()):
        pass


def _archive(ctx: Context, merchant_id: uuid.UUID, by: By) -> dict[str, Any]:
    made = merchant_archives.start(ctx, merchant_id, by=by, now=utc_now())
    _none, seconds = _timed(lambda: merchant_archives.make(ctx, made, now=utc_now()))
    return {"archive": seconds, "archive_mib": peak()}


def _timed(do: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return do(), time.perf_counter() - started


def _somebody(ctx: Context, merchant_id: uuid.UUID) -> By:
    with ctx.db.begin() as session:
        staff: Staff = staff_logins.create_staff(
            ctx,
            session,
            merchant_id=merchant_id,
            email=f"{uuid.uuid4().hex}@bench.test",
            name="Léa",
            role=Role.OWNER,
            password="un tiroir plein de mots",  # noqa: S106 - nobody logs in
        ).staff
        return By(actor=Actor.STAFF, actor_id=staff.id, channel="staff", name=staff.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
