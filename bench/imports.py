"""Rows that come in: a merchant's file of PayPal profiles into the database, and its subscriptions from PayPal.

The file is the largest that is taken.  Its floor is PostgreSQL's COPY of the same rows, ready made, into the same table
with its indexes; both commit.  The product runs in a process of its own, so that its peak memory is known, and is timed
there from the file's bytes to the commit.  Subscriptions are read page by page and each by itself, as PayPal's list
leaves half of it out; their floor is a bare loop that reads each once and keeps nothing.
"""

from __future__ import annotations

import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

import psycopg

from bench import floor
from bench.measures import ROUNDS, Measure, per_second
from bench.memory import peak
from bench.simulated import simulating, subscriptions
from bench.stack import NOWHERE, Stack, merchant_with_key
from portal import logs
from portal.clock import utc_now
from portal.models import KeyState, PayPalAccount, ProfileImport, ProfileRowState, Provider
from portal.services.context import Context
from portal.services.imports import imports, profile_imports
from portal.services.imports.profile_import_files import MOST_ROWS

FEW: Final = 10_000  # rows of the file that the largest is set against
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
ROW: Final = "id, profile_import_id, line, profile_id, state, reason"
BLOCK: Final = 1 << 16  # bytes that COPY is handed at once

Told = dict[str, Any]


def run(stack: Stack) -> list[Measure]:
    """Measure both."""
    return [*_of_a_file(stack), *_of_paypal(stack)]


def _of_a_file(stack: Stack) -> list[Measure]:
    few, many = (1_000, 20_000) if stack.small else (FEW, MOST_ROWS)
    files = {count: _file(stack, count) for count in (few, many)}
    with stack.database() as url, stack.context(url, NOWHERE) as ctx:
        merchant_id = merchant_with_key(ctx)
        _give_classic_key(ctx, merchant_id)
        _bring(stack, url, merchant_id, files[few])  # a warm-up
        seen = [
            (_copy(ctx, url, merchant_id, many), _bring(stack, url, merchant_id, files[many])) for _ in range(ROUNDS)
        ]
        small = [_bring(stack, url, merchant_id, files[few])["peak_mib"] for _ in range(ROUNDS)]
    rate, large = (median(told[name] for _, told in seen) for name in ("rate", "peak_mib"))
    note = "a file of PayPal profiles, the largest taken; there is no import of subscriptions from a file"
    return [
        Measure(f"file of {many:,} rows", rate, median(least for least, _ in seen), "rows/s", note, "≥ 0.30"),
        Measure(
            f"file of {many:,} rows, peak memory",
            large,
            median(small),
            "MiB",
            f"floor: {few:,} rows; whole process",
            "≤ 1.2",
        ),
    ]


def _of_paypal(stack: Stack) -> list[Measure]:
    few, many = (100, 400) if stack.small else (1_000, 5_000)
    with simulating(stack, many) as paypal, simulating(stack, few) as smaller:
        bare = floor.bare_loop(paypal, [row.id for row in subscriptions(many)])
        before = per_second(bare, seconds=stack.seconds)
        small, whole = _import(stack, smaller, few), _import(stack, paypal, many)
        least = (before + per_second(bare, seconds=stack.seconds)) / 2
    note = f"{whole['seconds']:.0f} s, simulator without delay; floor: each read once, nothing written"
    about = f"floor: {few:,} subscriptions; whole process"
    return [
        Measure(f"import of {many:,} subscriptions from PayPal", whole["rate"], least, "rows/s", note),
        Measure(f"import of {many:,}, peak memory", whole["peak_mib"], small["peak_mib"], "MiB", about, "≤ 1.2"),
    ]


def _file(stack: Stack, count: int) -> Path:
    path = stack.folder / f"profiles-{count}.csv"
    path.write_text("\n".join(["profile_id", *_profiles(count)]) + "\n")
    return path


def _profiles(count: int) -> Iterator[str]:
    chance = random.Random(count)  # noqa: S311 - no secret
    for _ in range(count):
        yield "I-" + "".join(chance.choices(LETTERS, k=12))


def _give_classic_key(ctx: Context, merchant_id: uuid.UUID) -> None:
    """A list of profiles wants a key to the classic API; nothing is read with it here."""
    now = utc_now()
    key = {"client_id": "bench", "secret": b"", "signature": b"", "secret_ending": "", "state": KeyState.WORKING}
    about = {"environment": "sandbox", "set_at": now, "checked_at": now, "check_result": {}}
    with ctx.db.begin() as session:
        session.add(PayPalAccount(merchant_id=merchant_id, provider=Provider.PAYPAL_CLASSIC, **key, **about))


def _copy(ctx: Context, url: str, merchant_id: uuid.UUID, count: int) -> float:
    """Return how many of the file's rows a second COPY takes into the emptied table."""
    _empty(url)
    made = ProfileImport(merchant_id=merchant_id, environment="sandbox", file_name="", touched_at=utc_now())
    with ctx.db.begin() as session:
        session.add(made)
    state = ProfileRowState.WAITING.value
    lines = (
        f"{uuid.uuid4()}\t{made.id}\t{line}\t{profile_id}\t{state}\t\n"
        for line, profile_id in enumerate(_profiles(count), start=2)
    )
    content = "".join(lines).encode()
    with psycopg.connect(url) as connection:
        started = time.perf_counter()
        with connection.cursor().copy(f"COPY profile_import_rows ({ROW}) FROM STDIN") as copy:
            for start in range(0, len(content), BLOCK):
                copy.write(content[start : start + BLOCK])
        connection.commit()
        return count / (time.perf_counter() - started)


def _bring(stack: Stack, url: str, merchant_id: uuid.UUID, file: Path) -> Told:
    """Bring the file into the emptied table in a process of its own."""
    _empty(url)
    return _alone(stack, "file", url, str(merchant_id), str(file))


def _empty(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE profile_import_rows, profile_imports")
        connection.execute("CHECKPOINT")


def _import(stack: Stack, paypal: str, count: int) -> Told:
    """Import everything from a simulator into a fresh database, in a process of its own."""
    with stack.database() as url, stack.context(url, paypal) as ctx:
        told = _alone(stack, "paypal", url, str(merchant_with_key(ctx)), paypal)
    if told["rows"] != count:
        raise RuntimeError(f"{told['rows']} of {count} subscriptions were imported")
    return told


def _alone(stack: Stack, *arguments: str) -> Told:
    told = stack.told("bench.imports", *arguments)
    return told | {"rate": told["rows"] / told["seconds"]}


def main(kind: str, url: str, merchant: str, source: str) -> None:
    """Take in a file, or what a simulator has, and print what it took."""
    logs.set_up("warning")
    stack = Stack(folder=Path(), server_url="", small=False)
    with stack.context(url, source if kind == "paypal" else NOWHERE) as ctx:
        work = _taken(ctx, merchant, Path(source)) if kind == "file" else _imported(ctx, merchant)
        started = time.perf_counter()
        rows = work()
        print(json.dumps({"rows": rows, "seconds": time.perf_counter() - started, "peak_mib": peak()}))


def _taken(ctx: Context, merchant: str, file: Path) -> Callable[[], int]:
    content = file.read_bytes()

    def take() -> int:
        merchant_id, now = uuid.UUID(merchant), utc_now()
        return profile_imports.start(ctx, merchant_id, file_name=file.name, content=content, now=now).total

    return take


def _imported(ctx: Context, merchant: str) -> Callable[[], int]:
    return lambda: imports.run_import(ctx, imports.start_or_resume(ctx, uuid.UUID(merchant)).id).created


if __name__ == "__main__":
    main(*sys.argv[1:])
