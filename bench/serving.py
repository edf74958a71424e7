"""The web and its workers as processes of their own, under the settings of an installation (gunicorn.conf.py)."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from bench.stack import NOWHERE, ROOT, Stack, free_port, local_http

HOST: Final = "127.0.0.1:8999"  # what the portal is told it is called; nobody listens there
CONFIGURED: Final = ("-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "--log-level", "warning")


@dataclass(frozen=True)
class Served:
    """A server that answers: where, and its first process, the parent of those that do the work."""

    port: int
    process: int

    def address(self, path: str) -> str:
        """Return the address of one of its pages."""
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def gunicorn(
    stack: Stack, name: str, application: str, *, ready: str, settings: dict[str, str], options: tuple[str, ...] = ()
) -> Iterator[Served]:
    """An application under gunicorn.conf.py, but for what `options` say; it is there when `ready` is answered."""
    port = free_port()
    command = (*CONFIGURED, "--bind", f"127.0.0.1:{port}", *options, application)
    url = f"http://127.0.0.1:{port}{ready}"
    with stack.child(name, *command, ready=url, environment=settings) as process:
        yield Served(port, process.pid)


@contextmanager
def portal(
    stack: Stack, url: str, *, simulator: str = NOWHERE, options: tuple[str, ...] = (), **settings: str
) -> Iterator[Served]:
    """The portal's web on a database."""
    environment = stack.environment(url, simulator) | settings
    with gunicorn(stack, "portal", "wsgi:app", ready="/accessibility", settings=environment, options=options) as served:
        yield served


@contextmanager
def account_floor(
    stack: Stack, url: str, customer_id: uuid.UUID, size: int, *, options: tuple[str, ...] = ()
) -> Iterator[tuple[Served, dict[str, str]]]:
    """The least account page, of that size, and the headers of the customer who is logged in there."""
    settings = stack.environment(url, NOWHERE) | {"FLOOR_BYTES": str(size)}
    application, ready = "bench.account_floor:make()", "/login/x"
    with gunicorn(stack, "account-floor", application, ready=ready, settings=settings, options=options) as served:
        yield served, logged_in(served, f"/login/{customer_id}")


@contextmanager
def access_floor(stack: Stack, url: str) -> Iterator[Served]:
    """The least access check."""
    settings = stack.environment(url, NOWHERE)
    with gunicorn(stack, "access-floor", "bench.access_floor:make()", ready="/ready", settings=settings) as served:
        yield served


def logged_in(served: Served, path: str) -> dict[str, str]:
    """Return the headers of somebody who has logged in at a floor."""
    with local_http() as http:
        cookie = http.get(served.address(path), timeout=30).cookies["session"]
    return {"Host": HOST, "Cookie": f"session={cookie}"}


@contextmanager
def workers(stack: Stack, database: str, simulator: str, number: int) -> Iterator[list[int]]:
    """So many workers, PayPal's pace switched off: their processes."""
    command = (sys.executable, "-m", "bench.bulk_worker", database, simulator)
    with (stack.folder / "bulk_worker.log").open("ab") as log:
        running = [subprocess.Popen(command, cwd=ROOT, stderr=log) for _ in range(number)]  # noqa: S603 - ours
    try:
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
