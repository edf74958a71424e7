"""`python -m bench.bulk_worker DATABASE SIMULATOR`: one worker process as `flask work` runs it, PayPal's pace off."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.stack import Stack
from portal import jobs, logs
from portal.services import bulk_running


def main(database_url: str, simulator_url: str) -> None:
    """Work until ended."""
    logs.set_up("warning")
    bulk_running.ROWS_PER_SECOND = None
    with Stack(folder=Path(), server_url="", small=False).context(database_url, simulator_url) as ctx:
        jobs.run_worker(ctx)


if __name__ == "__main__":
    main(*sys.argv[1:])
