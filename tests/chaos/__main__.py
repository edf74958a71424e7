"""`make chaos`, or `python -m tests.chaos --help`: one run for a seed; the exit status is 1 on violations."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import warnings

from portal import logs
from tests.chaos import plan as plans
from tests.chaos.bug_plan import for_bugs
from tests.chaos.bugs import BUGS
from tests.chaos.conduct import describe, run


def main() -> int:
    """Make one run and print what it did; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cancellations", type=int, default=100)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=40, help="the storm ends then, whatever is left")
    parser.add_argument("--bug", choices=sorted(BUGS), nargs="+", default=[], help="plant bugs that must be found")
    parser.add_argument("--stories", choices=sorted(plans.STORIES), nargs="+", default=list(plans.STORIES))
    parser.add_argument("--rolling", action="store_true", help="polite restarts of every process come last")
    given = parser.parse_args()
    logs.set_up("error")
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes are stopped too
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    if given.bug:
        plan = for_bugs(given.bug)
    else:
        wanted = {"cancellations": given.cancellations, "faults": given.faults, "rolling": given.rolling}
        plan = plans.draw(given.seed, **wanted, stories=given.stories)
    report = run(plan, bugs=given.bug, limit=given.minutes * 60, say=say)
    print("\n".join(describe(report, plan)), flush=True)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
