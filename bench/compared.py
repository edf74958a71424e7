"""`python -m bench.compared DATABASE SIMULATOR MERCHANT`: one whole comparison in a process of its own, measured."""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path

from bench.memory import peak
from bench.stack import Stack
from portal import logs
from portal.services.comparisons import comparisons


def main(database_url: str, simulator_url: str, merchant_id: str) -> None:
    """Read every subscription of the merchant, with the pace switched off; print what it took."""
    logs.set_up("info")  # as an installation runs
    stack = Stack(folder=Path(), server_url="", small=False)
    with stack.context(database_url, simulator_url) as ctx:
        run = comparisons.start_or_resume(ctx, uuid.UUID(merchant_id), everything=True)
        started = time.perf_counter()
        run = comparisons.run_comparison(ctx, run.id, calls_per_second=None)
        seconds = time.perf_counter() - started
    told = {"state": run.state.value, "calls": run.calls, "compared": run.compared, "differed": run.differed}
    print(json.dumps({**told, "failed": run.failed, "seconds": seconds, "peak_mib": peak()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
