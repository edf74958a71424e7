"""Starts child processes in order, watches them, and stops all of them together.

Each child leads a process group of its own: Ctrl-C in the terminal reaches the supervisor only, which then
stops the children in the reverse order, with whatever they started themselves.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1  # Linux: the kernel signals the child when its parent dies, even by kill -9
PAUSE = 0.1  # seconds between two looks
TAIL = 15  # lines of a log that are shown when its process died


@dataclass(frozen=True, kw_only=True)
class Child:
    """A process to run. With `finishes`, it must end well before the next one starts.

    `patience`: seconds it may take to be ready, where that is not as long as every other.
    """

    name: str
    command: tuple[str, ...]
    finishes: bool = False
    patience: float | None = None
    ready: Callable[[], bool] = lambda: True


class ChildFailed(Exception):
    """A child died, or did not become ready; the message tells which, and ends with its last lines."""


class _AskedToStop(Exception):
    """A signal came."""


def listens(port: int) -> Callable[[], bool]:
    """Return a check: does somebody listen on this port of the loopback address?"""

    def check() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    return check


def answers(url: str) -> Callable[[], bool]:
    """Return a check: does this address answer with success?"""

    def check() -> bool:
        with requests.Session() as session, suppress(requests.RequestException):
            session.trust_env = False  # a proxy of the environment knows nothing of this machine's ports
            return session.get(url, timeout=3).ok
        return False

    return check


class Supervisor:
    """Runs `children` until a signal, or until one of them dies."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        prepare: Callable[[], Mapping[str, str]],
        logs: Path,
        folder: Path,
        say: Callable[[str], None] = print,
        patience: float = 60,
        grace: float = 10,
    ) -> None:
        """`prepare` is called first and returns the children's environment.

        `patience`: seconds a child may take to be ready; `grace`: seconds it may take to stop.
        """
        self._children = children
        self._prepare = prepare
        self._environment: Mapping[str, str] = {}
        self._logs = logs
        self._folder = folder
        self._say = say
        self._patience = patience
        self._grace = grace
        self._running: list[tuple[Child, subprocess.Popen[bytes]]] = []
        self._stopping = False

    def run(self, when_ready: Callable[[], None] = lambda: None) -> int:
        """Start all, call `when_ready`, watch; return 0 when asked to stop and 1 when a child failed."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with self._signals():
            try:
                self._environment = self._prepared()
                for child in self._children:
                    self._start(child)
                when_ready()
                while True:
                    self._look()
            except _AskedToStop:
                self._say("\nStopping…")
                return 0
            except ChildFailed as failure:
                self._say(f"\n{failure}\n\nEverything is being stopped.")
                return 1
            finally:
                self.stop()

    def output(self, name: str) -> str:
        """Return what the child of that name printed (a finishing child's log holds no warning)."""
        path = self._logs / f"{name}.out"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """Stop every child and what it started, last first; kill what does not obey within the grace."""
        while self._running:
            child, process = self._running.pop()
            _signal_group(process, signal.SIGTERM)
            try:
                process.wait(self._grace)
            except subprocess.TimeoutExpired:
                self._say(f"{child.name} does not stop: killed.")
            _signal_group(process, signal.SIGKILL)  # grandchildren that outlived their parent
            process.wait()

    def _prepared(self) -> Mapping[str, str]:
        try:
            return self._prepare()
        except Exception:
            if self._stopping:  # Ctrl-C reached what the preparation had started
                raise _AskedToStop from None
            raise

    def _start(self, child: Child) -> None:
        self._say(f"… {child.name}")
        with self._open(child, "log") as log, self._open(child, "out") as out:
            process = subprocess.Popen(  # noqa: S603 - commands come from our own list, never from a visitor
                child.command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out if child.finishes else log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self._running.append((child, process))
        self._wait_for(child, process)

    def _open(self, child: Child, kind: str) -> IO[bytes]:
        return (self._logs / f"{child.name}.{kind}").open("wb")

    def _wait_for(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        patience = child.patience or self._patience
        deadline = time.monotonic() + patience
        while True:
            self._look()
            if child.finishes and process.poll() == 0:
                self._running.remove((child, process))
                return
            if not child.finishes and child.ready():
                return
            if time.monotonic() > deadline:
                raise ChildFailed(f"{child.name} is not ready after {patience:g} s.{self._tail(child)}")

    def _look(self) -> None:
        """Pause, then raise if a signal came or a child died."""
        time.sleep(PAUSE)
        if self._stopping:
            raise _AskedToStop
        for child, process in self._running:
            status = process.poll()
            if status is not None and not (child.finishes and status == 0):
                how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
                raise ChildFailed(f"{child.name} {how}.{self._tail(child)}")

    def _tail(self, child: Child) -> str:
        log = self._logs / f"{child.name}.log"
        text = self.output(child.name) + log.read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines()[-TAIL:]
        return f" Its last lines ({log}):\n" + "\n".join(f"  {line}" for line in lines or ["(nothing)"])

    @contextmanager
    def _signals(self) -> Iterator[None]:
        # The handler only sets a flag: a second Ctrl-C must not interrupt the stopping itself.
        def ask(_number: int, _frame: object) -> None:
            self._stopping = True

        before = {number: signal.signal(number, ask) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS says so of a dead group
        os.killpg(process.pid, number)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Have the kernel end this child with its parent. For the child, between fork and exec; Linux only."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
