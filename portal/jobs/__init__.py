"""Tasks: thin, they pick up work, call a service and isolate failures. `flask work` runs them.

A task that fails is tried again with growing waits; a worker that died leaves a stalled job,
which `housekeeping` gives back to the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate import PsycopgConnector

from portal import queue
from portal.jobs import end_requests, housekeeping, imports, mails

if TYPE_CHECKING:
    from portal.services.context import Context

__all__ = ["end_requests", "housekeeping", "imports", "mails", "run_worker"]

CONCURRENCY = 4
HEARTBEAT = 5.0  # seconds between two signs of life of a worker
DEAD_AFTER = 20.0  # seconds without one: its jobs are taken over


def run_worker(context: Context, *, wait: bool = True, concurrency: int = CONCURRENCY) -> None:
    """Run jobs until stopped (SIGTERM finishes what is running); with `wait=False` only those that are due."""
    url = context.db.url
    with queue.app.replace_connector(PsycopgConnector(conninfo=url)) as app:
        app.run_worker(
            concurrency=concurrency,
            wait=wait,
            additional_context={"portal": context},
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=DEAD_AFTER,
            shutdown_graceful_timeout=25,
            fetch_job_polling_interval=2,
            install_signal_handlers=wait,
        )
