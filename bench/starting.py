"""Cold start: from the command to the first page that is answered, against `import flask, sqlalchemy` alone.

The environment is there, its bytecode written, the database migrated.  The page is the customers' log-in, which reads
its merchant; gunicorn listens before its workers can answer, so that the first request is asked once and waits.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from statistics import median
from typing import Final

from bench.measures import Measure
from bench.serving import CONFIGURED, HOST
from bench.stack import NOWHERE, ROOT, Stack, free_port, local_http, merchant_with_key

TIMES: Final = 5
PAGE: Final = "/account/bench/login"
LEAST: Final = (sys.executable, "-c", "import flask, sqlalchemy")
PATIENCE: Final = 120.0


def run(stack: Stack) -> list[Measure]:
    """Start both in turn, after a first time that is not counted."""
    with stack.database() as url, stack.context(url, NOWHERE) as ctx:
        merchant_with_key(ctx)
        settings = stack.environment(url, NOWHERE) | {"PYTHONDONTWRITEBYTECODE": ""}
        seen = [(_import(settings), _start(stack, settings)) for _ in range(1 + (1 if stack.small else TIMES))][1:]
    floor, product = median(least for least, _ in seen), median(ours for _, ours in seen)
    note = f"median of {len(seen)}; floor: import flask, sqlalchemy"
    return [Measure("cold start to the first page", product, floor, "s", note, "≤ 3")]


def _import(settings: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(LEAST, cwd=ROOT, env=settings, check=True)  # noqa: S603 - our own command
    return time.perf_counter() - started


def _start(stack: Stack, settings: dict[str, str]) -> float:
    """Return the seconds until the first page has been answered."""
    port = free_port()
    command = (sys.executable, *CONFIGURED, "--bind", f"127.0.0.1:{port}", "wsgi:app")
    with (stack.folder / "starting.log").open("ab") as log:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=log, stderr=log)  # noqa: S603 - ours
        try:
            _wait_until_it_listens(process, port)
            with local_http() as http:
                http.get(f"http://127.0.0.1:{port}{PAGE}", headers={"Host": HOST}, timeout=PATIENCE).raise_for_status()
            return time.perf_counter() - started
        finally:
            process.terminate()
            process.wait(60)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.005)
    raise RuntimeError("the portal did not start")
