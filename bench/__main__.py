"""`make bench`, or `python -m bench [MODULE…]`: run the measurements, print them, write them to bench/results/.

BENCH=small makes a quick run with little data: it shows that everything works, its figures mean little.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.measures import Measure
from bench.stack import standing

RESULTS: Final = Path(__file__).resolve().parent / "results"
HEAD: Final = ("measure", "product", "floor", "unit", "ratio", "target", "note")


def modules() -> list[str]:
    """The measuring modules beside this one: those that have `run(stack)`."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    return [name for name in names if hasattr(importlib.import_module(f"bench.{name}"), "run")]


def main(chosen: Sequence[str]) -> int:
    """Run the chosen modules, all by default; return the exit status."""
    known = modules()
    unknown = set(chosen) - set(known)
    if unknown:
        print(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ended from outside, it tidies up as well
    small = os.environ.get("BENCH") == "small"
    found: list[Measure] = []
    started = time.monotonic()
    with standing(small=small) as stack:
        for name in chosen or known:
            print(f"… {name}", file=sys.stderr, flush=True)
            found += importlib.import_module(f"bench.{name}").run(stack)
    table = as_table(found)
    print(table)
    where = write(found, table, small=small, seconds=time.monotonic() - started)
    print(f"written to {where}.json and .md", file=sys.stderr)
    return 0


def as_table(measures: Sequence[Measure]) -> str:
    """Return the measures as a Markdown table whose columns are aligned."""
    rows = [HEAD, *(_cells(one) for one in measures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEAD))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def write(measures: Sequence[Measure], table: str, *, small: bool, seconds: float) -> Path:
    """Write JSON and Markdown named by the moment; return their path without ending."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    about = {
        "at": now.isoformat(timespec="seconds"),
        "small": small,
        "seconds": round(seconds),
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    path = RESULTS / f"{now:%Y%m%d-%H%M%S}{'-small' if small else ''}"
    lines = [{**asdict(one), "ratio": one.ratio} for one in measures]
    path.with_suffix(".json").write_text(json.dumps({**about, "measures": lines}, indent=1) + "\n")
    said = ", ".join(f"{name} {value}" for name, value in about.items())
    path.with_suffix(".md").write_text(f"{said}\n\n{table}\n")
    return path


def _cells(one: Measure) -> tuple[str, ...]:
    ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
    floor = "" if one.floor is None else _figure(one.floor)
    return (one.name, _figure(one.product), floor, one.unit, ratio, one.target, one.note)


def _figure(value: float) -> str:
    """Return what is read at a glance: whole numbers from a hundred on, three digits below."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
