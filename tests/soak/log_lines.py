"""What the processes' logs must not say: an answer 5xx or an error that nothing explains, anything of a customer."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.soak.judgement import is_explained
from tests.soak.mishaps import JOURNAL, OTHER_ANSWERS, STEADY_ANSWERS, WAITS, Mishap
from tests.soak.stand import OTHER_WEB, OTHER_WORKER, STEADY_WEB, STEADY_WORKER

# As the harness names its customers, their addresses, and strangers at the public pages.
OF_CUSTOMERS: Final = re.compile(r"Unique(atelier|studio|salon)\d|unique\d{5}@|unique\.passante|Unique Passante", re.I)
WHAT: Final = {STEADY_WEB: STEADY_ANSWERS, OTHER_WEB: OTHER_ANSWERS, STEADY_WORKER: WAITS, OTHER_WORKER: WAITS}
ANSWERS: Final = ("request", "api_call")
UNWRITTEN: Final = "journal_not_written"
SERIOUS: Final = ("error", "critical")
# « 503, again in a moment » is answered where a row or a connection was held for seconds: no error at this rate.
BUSY, BUSY_MAY = 503, 0.001


def wrong(folder: Path, mishaps: Sequence[Mishap]) -> list[str]:
    """Read the logs of web and workers in a folder; return what they must not say, alike lines once, counted."""
    found: Counter[str] = Counter()
    for name, what in WHAT.items():
        path = folder / f"{name}.log"
        if path.exists():
            with path.open(errors="replace") as lines:
                found.update(f"log of {name}: {said}" for said in of_lines(lines, what, mishaps))
    return [f"{said} ({count} times)" if count > 1 else said for said, count in sorted(found.items())]


def of_lines(lines: Iterable[str], what: str, mishaps: Sequence[Mishap]) -> Iterator[str]:
    """Return what is wrong with each line; `what`: the kind of trouble that a mishap may explain."""
    answers = busy = 0
    for line in lines:
        if named := OF_CUSTOMERS.search(line):
            yield f"something of a customer, {named.group()[:6]}…, in {_event(line)}"
        row = _read(line)
        if row is None:
            if line.startswith(("Traceback", "Fatal", "MemoryError")):
                yield f"not a line of the log: {line.strip()[:80]}"
            continue
        answers += row.get("event") in ANSWERS
        about = JOURNAL if row.get("event") == UNWRITTEN else what
        if _is_bad(row) and not is_explained(about, datetime.fromisoformat(row["timestamp"]), mishaps):
            if row.get("status") == BUSY:
                busy += 1
            elif row.get("kind") != "Busy":  # the line beside such an answer
                yield _shown(row)
    if busy > answers * BUSY_MAY:
        yield f"{busy} of {answers} answers were 503"


def _is_bad(row: dict[str, Any]) -> bool:
    return row.get("level") in SERIOUS or (row.get("event") in ANSWERS and row.get("status", 0) >= 500)


def _shown(row: dict[str, Any]) -> str:
    if row.get("event") in ANSWERS:
        return f"{row.get('status')} to {row.get('method')} {row.get('route')}"
    last = str(row.get("exception", "")).strip().splitlines()[-1:]
    return " ".join([f"{row.get('level')} {row.get('event')}", str(row.get("task", "")), *last]).strip()[:300]


def _event(line: str) -> str:
    row = _read(line)
    return str(row.get("event")) if row is not None else "a line that is none of the log's"


def _read(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and "timestamp" in row else None
