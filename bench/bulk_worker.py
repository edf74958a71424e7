"""`python -m bench.bulk_worker DATABASE SIMULATOR`: one worker process as `flask work` runs it, PayPal's pace off."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from bench.stack import Stack
from portal import jobs, logs
from portal.providers.letters import Letter
from portal.services.bulk import bulk_running


class Accepting:
    """Takes every mail at once: composing it, with its PDF, is part of a row's work, a mail server's time is not."""

    def send(self, letter: Letter) -> None:
        """Drop it."""


def main(database_url: str, simulator_url: str) -> None:
    """Work until ended."""
    logs.set_up("warning")
    bulk_running.ROWS_PER_SECOND = None
    with Stack(folder=Path(), server_url="", small=False).context(database_url, simulator_url) as ctx:
        jobs.run_worker(replace(ctx, mailer=Accepting()))


if __name__ == "__main__":
    main(*sys.argv[1:])
