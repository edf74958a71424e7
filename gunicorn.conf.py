"""Gunicorn's settings: `gunicorn wsgi:app` takes them from here by itself; what the command line says goes before.

What each is for, and the proxy that belongs in front: docs/operations.md, « The web server ».
"""

import os
import tempfile
from pathlib import Path

from gunicorn.arbiter import Arbiter

bind = "127.0.0.1:8000"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "portal.web.serving.Worker"
threads = 12  # fewer than the connections of one process to its database (portal/extensions.py)
backlog = 512
keepalive = 5
timeout = 60  # of a process that hangs as a whole; a page is bounded by what it waits for
graceful_timeout = 30
max_requests = 10_000  # then a process makes room for a new one, not all of them at once
max_requests_jitter = 2_000
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190
control_socket_disable = True
if os.access("/dev/shm", os.W_OK):  # noqa: S108 - gunicorn's own heartbeat: a slow disk must not look like a hanging process
    worker_tmp_dir = "/dev/shm"  # noqa: S108

# Where the processes of this machine count together (portal/metric_files.py), where somebody reads it. In memory.
if os.environ.get("PORTAL_METRICS_TOKEN") and "PORTAL_METRICS_FOLDER" not in os.environ:
    os.environ["PORTAL_METRICS_FOLDER"] = tempfile.mkdtemp(
        prefix="portal-metrics-", dir=globals().get("worker_tmp_dir")
    )


def on_exit(_server: Arbiter) -> None:
    """Forget the counts with the last process: one that took over (SIGUSR2) counts on."""
    from portal.metric_files import FOLDER, forget

    folder = os.environ.get(FOLDER)
    if folder:
        forget(Path(folder))
