"""`make failover`: the primary is killed under people who cancel, a standby is promoted; then it is judged.

Nothing is restarted: web and workers come back by themselves, by an address that names both hosts.
Three runs of people and one of a split brain:

* synchronous: nothing that anybody was told may be lost;
* synchronous, the standby cut off for some seconds before: nothing is told meanwhile, so nothing is lost;
* asynchronous, cut off likewise: what was told in those seconds is lost, and the run says how much;
* split: the old primary still answers when the other one is promoted.

The exit status is 1 on violations, 2 where a program is missing.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from portal import logs
from tests.chaos import plan as plans
from tests.chaos.conduct import Report, describe, run
from tests.chaos.plan import Plan, Step
from tests.postgresql import Missing, programs
from tests.scaling.clusters import STORIES, Pair
from tests.scaling.split import split

LAG: Final = 4.0  # seconds in which nothing reaches the standby before the end
RUNS: Final[Mapping[str, tuple[bool, float]]] = {
    "synchronous": (True, 0.0),
    "synchronous-cut": (True, LAG),
    "asynchronous-cut": (False, LAG),
}


def main() -> int:
    """Make the runs and print what they did; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.scaling.failover", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cancellations", type=int, default=30)
    parser.add_argument("--runs", nargs="+", choices=[*RUNS, "split"], default=[*RUNS, "split"])
    given = parser.parse_args()
    logs.set_up("error")
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    began = time.monotonic()
    try:
        print(f"PostgreSQL of {programs()}")
    except Missing as missing:
        print(missing)
        return 2

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    wrong = 0
    for name in given.runs:
        print(f"== {name}", flush=True)
        if name == "split":
            wrong += len(split(say))
            continue
        plan = drawn(given.seed, given.cancellations)
        pairs: list[Pair] = []
        report = run(plan, limit=900, say=say, cluster=partial(_pair, name, pairs))
        print("\n".join(describe(report, plan)))
        print(f"from the primary's death to the standby's promotion: {pairs[0].away or 0:.1f} s", flush=True)
        wrong += _judged(report, may_lose=not RUNS[name][0])
    print(f"wrong: {wrong}")
    return 1 if wrong else 0


def drawn(seed: int, cancellations: int) -> Plan:
    """Return a plan in whose middle the primary dies, and nothing else goes wrong."""
    plan = plans.draw(seed, cancellations=cancellations, faults=0, stories=STORIES)
    half = len(plan.stormy) // 2
    return replace(plan, stormy=(*plan.stormy[:half], Step("fault", "fail-over"), *plan.stormy[half:]))


def _pair(name: str, made: list[Pair], folder: Path) -> Pair:
    is_synchronous, lag = RUNS[name]
    made.append(Pair(folder, is_synchronous=is_synchronous, lag=lag))
    return made[0]


def _judged(report: Report, *, may_lose: bool) -> int:
    """Return how much was wrong: where something may be lost, that is said and does not count."""
    if not may_lose:
        return len(report.violations)
    print(f"lost with the primary, as it may be without synchronous replication: {len(report.violations)} findings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
