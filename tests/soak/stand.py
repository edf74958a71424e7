"""What runs: the product's own gunicorn and workers as shipped, two of each; one pair is never harmed.

The pair that is left alone is what memory is measured of: gunicorn with two processes that are never replaced
(`--max-requests 0`, else a leak would go with the process), and one worker.  Everything that dies by a fault is of the
other pair, whose web process also makes room for a new one by itself every so many requests.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from portal.demo.run import HOST, ROOT
from portal.demo.supervisor import answers, listens
from tests.chaos.stack import Process, Stack
from tests.ports import free_ports

STEADY_WEB, OTHER_WEB = "web", "web-2"
STEADY_WORKER, OTHER_WORKER = "worker-1", "worker-2"
STEADY: Final = (STEADY_WEB, STEADY_WORKER)
STEADY_PROCESSES: Final = 2  # that gunicorn starts
OTHER_REQUESTS: Final = 2_000  # then the other gunicorn's process makes room for a new one
JOURNAL_BYTES: Final = 2**30  # of the journal's disk, where it has one of its own, in memory: taken as it is used
NO_BYTECODE: Final = "PYTHONDONTWRITEBYTECODE"
OPEN_FILES: Final = 4096
TOKEN: Final = "made up for who reads the figures of a soak"


class SoakStack(Stack):
    """The stack of the chaos harness with two webs, and nothing laid around the product's functions."""

    has_own_disk = False  # the journal: then it can be filled

    def __init__(self, folder: Path) -> None:
        self.journal_folder = folder / "journal"
        self.journal_folder.mkdir()
        self.has_own_disk = _mounted(self.journal_folder)
        try:
            super().__init__(folder)
        except BaseException:  # it takes a while: somebody may interrupt it
            if hasattr(self, "cluster"):
                self.cluster.stop()
            self._unmount()
            raise
        self.ports.update(zip((OTHER_WEB, STEADY_WORKER, OTHER_WORKER), free_ports(3), strict=True))
        _open_files()

    def start(self) -> None:
        """Start all of it and wait until both webs answer."""
        subprocess.run((sys.executable, "-m", "compileall", "-q", "portal"), cwd=ROOT, env=self.environment, check=True)
        python = (sys.executable, "-m")
        control = ("portal.demo.simulator", "--port", self._port("simulator"))
        self._add("simulator", *python, *control, "--authority", str(self.folder / "authority.pem"))
        self._wait(listens(self.ports["simulator"]), "the simulator")
        mailbox = ("portal.demo.mailbox", "--smtp-port", self._port("smtp"), "--http-port", self._port("mailbox"))
        self._add("mailbox", *python, *mailbox, "--folder", str(self.folder / "mails"))
        self._wait(listens(self.ports["mailbox"]), "the mail server")
        self._web(STEADY_WEB, workers=STEADY_PROCESSES, max_requests=0, jitter=0)
        self._web(OTHER_WEB, workers=1, max_requests=OTHER_REQUESTS, jitter=OTHER_REQUESTS // 4)
        for name in (STEADY_WORKER, OTHER_WORKER):
            told = {"PORTAL_METRICS_WORKER": f"{HOST}:{self.ports[name]}"}
            self.workers.append(self._add(name, *python, "flask", "--app", "wsgi", "work", **told))
        self._await_webs()
        self._keeper.start()

    def settle(self) -> None:
        """Wait until every process that should run does, and both webs answer."""
        self._wait(lambda: all(process.wanted and process.is_alive() for process in self.processes.values()), "all")
        self._await_webs()

    def _await_webs(self) -> None:
        for name in (STEADY_WEB, OTHER_WEB):
            self._wait(answers(f"http://{HOST}:{self.ports[name]}/livez"), name)

    def stop(self) -> None:
        """Stop everything, and give the journal's disk back."""
        super().stop()
        self._unmount()

    def fill_journal(self) -> None:
        """Let the journal's disk have no room beyond what is on it."""
        now = os.statvfs(self.journal_folder)
        self._resize((now.f_blocks - now.f_bfree) * now.f_frsize)

    def free_journal(self) -> None:
        """Let it have room again."""
        self._resize(JOURNAL_BYTES)

    def _resize(self, size: int) -> None:
        remount = ("mount", "-o", f"remount,size={size}", str(self.journal_folder))
        subprocess.run(remount, check=True, capture_output=True)

    def _unmount(self) -> None:
        if self.has_own_disk:
            subprocess.run(("umount", "--lazy", str(self.journal_folder)), check=False)

    def _web(self, name: str, *, workers: int, max_requests: int, jitter: int) -> Process:
        address = f"{HOST}:{self.ports[name]}"
        counts = ("--max-requests", str(max_requests), "--max-requests-jitter", str(jitter))
        gunicorn = ("gunicorn", "wsgi:app", "--bind", address, "--workers", str(workers), *counts)
        return self._add(name, sys.executable, "-m", *gunicorn, "--log-level", "warning")

    def _environment(self, planted: Sequence[str]) -> dict[str, str]:
        # A process that compiles what it imports is larger for good: as installed, they read bytecode.
        kept = {name: value for name, value in super()._environment(planted).items() if name != NO_BYTECODE}
        return kept | {
            "PORTAL_JOURNAL": str(self.journal_folder),
            "PORTAL_LOG_LEVEL": "info",  # what is read for customers' data
            "PORTAL_METRICS_TOKEN": TOKEN,
        }


@contextmanager
def standing(folder: Path) -> Iterator[SoakStack]:
    """Run a stack until the block ends."""
    stack = SoakStack(folder)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def _mounted(folder: Path) -> bool:
    """Give a folder a small disk of its own, in memory; False where this user may not."""
    command = ("mount", "-t", "tmpfs", "-o", f"size={JOURNAL_BYTES}", "soak", str(folder))
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _open_files() -> None:
    """The processes inherit it: a listener of an hour has many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
