"""The processes: PostgreSQL, the simulator of PayPal, a mail server, two workers, gunicorn with two processes.

What dies is started again, by a thread that looks several times a second, as an init system does it.
"""

from __future__ import annotations

import base64
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from portal.demo.run import HOST, OURS, ROOT
from portal.demo.supervisor import answers, die_with_parent, listens
from portal.migrating import upgrade
from tests.chaos import bugs, planting, points
from tests.chaos.cluster import Cluster
from tests.ports import free_ports

MASTER_KEY: Final = bytes(range(32))
LOOK: Final = 0.2  # seconds between two looks at the processes
READY: Final = 180.0  # seconds a process may take to be ready, on a machine that is busy
COMMAND: Final = 300.0  # seconds a command may take
GRACE: Final = 90.0  # seconds a process may take to stop when asked: a worker waits for PayPal's answers


class Process:
    """One process of the stack, with whatever it starts itself: they share a process group."""

    def __init__(self, name: str, command: tuple[str, ...], environment: dict[str, str], logs: Path) -> None:
        self.name = name
        self._command = command
        self.environment = environment
        self._log = logs / f"{name}.log"
        self.popen: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.wanted = True

    def start(self) -> None:
        """Start it, once what is left of it before is gone."""
        self.kill_group()
        self.starts += 1
        with self._log.open("ab") as log:
            self.popen = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def is_alive(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def signal(self, number: int) -> None:
        if self.popen is not None and self.popen.poll() is None:
            self.popen.send_signal(number)

    def children(self) -> list[int]:
        """Return the pids of what it started: of gunicorn, its own workers."""
        with suppress(psutil.Error):
            if self.popen is not None:
                return sorted(child.pid for child in psutil.Process(self.popen.pid).children())
        return []

    def kill_group(self) -> None:
        """Kill what is left, children that outlived it included."""
        if self.popen is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


class Stack:
    """Everything that runs, in one folder."""

    def __init__(
        self, folder: Path, *, planted: Sequence[str] = (), cluster: Callable[[Path], Cluster] = Cluster
    ) -> None:
        self.folder = folder
        self.ports = dict(zip(("web", "simulator", "mailbox", "smtp"), free_ports(4), strict=True))
        for name in ("armed", "died", "logs", "mails", planting.OWN):
            (folder / name).mkdir()
        self.cluster = cluster(folder)
        upgrade(self.cluster.url)
        self.environment = self._environment(planted)
        self.trouble: list[str] = []  # what should not happen to the harness itself
        self.workers: list[Process] = []
        self.processes: dict[str, Process] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper")

    def start(self) -> None:
        """Start all of it and wait until the web answers."""
        python = (sys.executable, "-m")
        authority = str(self.folder / "authority.pem")
        self._add(
            "simulator", *python, "portal.demo.simulator", "--port", self._port("simulator"), "--authority", authority
        )
        self._wait(listens(self.ports["simulator"]), "the simulator")
        mailbox = ("portal.demo.mailbox", "--smtp-port", self._port("smtp"), "--http-port", self._port("mailbox"))
        self._add("mailbox", *python, *mailbox, "--folder", str(self.folder / "mails"))
        self._wait(listens(self.ports["mailbox"]), "the mail server")
        address = f"{HOST}:{self.ports['web']}"
        gunicorn = ("gunicorn", "tests.chaos.wsgi:app", "--config", "python:tests.chaos.loaded", "--bind", address)
        self._add(
            *("web", *python, *gunicorn, "--workers", "2", "--threads", "4"),
            *("--graceful-timeout", "30", "--no-control-socket", "--log-level", "warning"),
        )
        self.workers = [self._add(f"worker-{number}", *python, "tests.chaos.command", "work") for number in (1, 2)]
        self._wait(answers(f"http://{address}/healthz"), "the portal")
        self._keeper.start()

    def stop(self) -> None:
        """Stop everything, whatever state it is in."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for process in reversed(self.processes.values()):
            process.kill_group()
        self.cluster.stop()

    # Disturbing it

    def kill(self, name: str) -> None:
        """Kill -9 one process; of gunicorn the master, whose children then end by themselves."""
        self.processes[name].signal(signal.SIGKILL)

    def kill_web_child(self, chance: random.Random) -> None:
        """Kill -9 one of the processes that answer visitors; gunicorn starts another."""
        number = chance.random()
        children = self.processes["web"].children()
        if children:
            with suppress(ProcessLookupError):
                os.kill(children[int(number * len(children))], signal.SIGKILL)

    def restart_politely(self, name: str) -> None:
        """SIGTERM, wait until it has finished what it does, start another: a rolling restart of one machine."""
        process = self.processes[name]
        with self._lock:
            process.wanted = False
        process.signal(signal.SIGTERM)
        threading.Thread(target=self._await_end, args=(process,)).start()

    def reload_web(self, name: str = "web") -> None:
        """SIGHUP: gunicorn replaces its processes one after the other, the port stays open."""
        self.processes[name].signal(signal.SIGHUP)

    def settle(self) -> None:
        """Wait until every process that should run does, and the web answers."""
        self._wait(lambda: all(process.wanted and process.is_alive() for process in self.processes.values()), "all")
        self._wait(answers(f"http://{HOST}:{self.ports['web']}/healthz"), "the portal")

    def end_workers(self) -> None:
        """Have the workers finish what they do, and start none again: what is written from here on, a visitor wrote."""
        for process in self.workers:
            with self._lock:
                process.wanted = False
            process.signal(signal.SIGTERM)
        self._wait(lambda: not any(process.is_alive() for process in self.workers), "the workers' end")

    def run(self, *command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run one of the product's own commands, wrapped like every process of it; `given`: its standard input."""
        return subprocess.run(
            (sys.executable, "-m", "tests.chaos.command", *command),
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            timeout=COMMAND,
        )

    # Inside

    def _await_end(self, process: Process) -> None:
        assert process.popen is not None
        try:
            process.popen.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.trouble.append(f"{process.name} was asked to stop and still ran after {GRACE:g} s")
        with self._lock:
            process.wanted = True  # the keeper starts it

    def _keep(self) -> None:
        while not self._stopping.wait(LOOK):
            with self._lock:
                for process in self.processes.values():
                    if process.wanted and not process.is_alive():
                        process.start()

    def _add(self, name: str, *command: str, **settings: str) -> Process:
        process = Process(name, command, self.environment | settings, self.folder / "logs")
        self.processes[name] = process
        process.start()
        return process

    def _wait(self, ready: object, what: str) -> None:
        deadline = time.monotonic() + READY
        while not ready():  # type: ignore[operator]
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what}: not ready after {READY:g} s, see {self.folder / 'logs'}")
            time.sleep(0.1)

    def _port(self, name: str) -> str:
        return str(self.ports[name])

    def _environment(self, planted: Sequence[str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith((*OURS, "CHAOS_", "COV_"))}
        simulator = f"http://{HOST}:{self.ports['simulator']}"
        return {
            **kept,
            points.FOLDER: str(self.folder),
            bugs.PLANTED: " ".join(planted),
            "PORTAL_ENV": "test",
            "PORTAL_BASE_URL": f"http://{HOST}:{self.ports['web']}",
            "PORTAL_DATA": str(self.folder),
            "PORTAL_SECRET_KEY": "made up for this harness, long enough",
            "PORTAL_MASTER_KEYS": "chaos:" + base64.b64encode(MASTER_KEY).decode(),
            "PORTAL_LOG_LEVEL": "warning",
            "PORTAL_TRUSTED_PROXIES": "1",  # each person says from where they come
            **self.cluster.settings,
            "SMTP_URL": f"smtp://{HOST}:{self.ports['smtp']}",
            "MAIL_FROM": "Portal <portal@portal.example>",
            "MAIL_BOUNCE_ADDRESS": "rebond@portal.example",
            "PORTAL_ALLOW_LOOPBACK": "1",
            "PAYPAL_SANDBOX_URL": simulator,
            "PAYPAL_LIVE_URL": simulator + "/live",
            "PAYPAL_TRUST_FILE": str(self.folder / "authority.pem"),
            "NO_PROXY": f"{HOST},localhost",
            "no_proxy": f"{HOST},localhost",
            "PYTHONUNBUFFERED": "1",
        }


@contextmanager
def standing(
    folder: Path, *, planted: Sequence[str] = (), cluster: Callable[[Path], Cluster] = Cluster
) -> Iterator[Stack]:
    """Run a stack until the block ends."""
    stack = Stack(folder, planted=planted, cluster=cluster)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
