"""The real demo as a subprocess: what `make demo` runs, on free ports, in a folder of its own."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pyotp
import requests

from portal.demo.run import ROOT, VARIABLES
from portal.postgres import server_folder
from tests.folders import make_folder
from tests.ports import free_ports

RUNS = "The demo runs."
START = 180  # seconds: a new machine's first database takes its time
STOP = 60
STEP = 30  # seconds of a TOTP step
MIGRATED = """if True:
    import pathlib, sys
    from portal.migrating import upgrade
    from portal.postgres import ensure_server
    upgrade(ensure_server(pathlib.Path(sys.argv[1])))
"""
T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: str, *, seconds: float = 30) -> T:
    """Return the first answer of `look` that is true; fail, saying what was awaited, when there is none in time.

    Looking takes processor, maybe a whole page's: the longer it has waited the rarer it looks, at last once a second.
    """
    began = time.monotonic()
    while True:
        if found := look():
            return found
        waited = time.monotonic() - began
        assert waited < seconds, f"waited {seconds:g} s in vain for {what}"
        time.sleep(min(max(0.1, waited / 10), 1))


@dataclass
class Demo:
    """A demo that runs: its addresses, its people, its mails and its PayPal."""

    data: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes]
    output: Path
    used_steps: dict[str, int] = field(default_factory=dict)

    @property
    def portal(self) -> str:
        return f"http://127.0.0.1:{self.ports['PORTAL_PORT']}"

    @property
    def mailbox(self) -> str:
        return f"http://127.0.0.1:{self.ports['MAILBOX_PORT']}"

    @property
    def simulator(self) -> str:
        return f"http://127.0.0.1:{self.ports['SIMULATOR_PORT']}"

    def call(self, method: str, url: str, **more: Any) -> requests.Response:
        """Call an address as a program does: no cookies, no redirection followed, no proxy."""
        with requests.Session() as http:
            http.trust_env = False
            return http.request(method, url, timeout=10, allow_redirects=False, **more)

    def totp(self, email: str) -> str:
        """Return a second factor's code that was not used before; wait for the next one if need be."""
        people = json.loads((self.data / "people.json").read_text())
        secret = next(person["totp_secret"] for person in people if person["email"] == email)
        step = max(int(time.time()) // STEP, self.used_steps.get(email, 0) + 1)
        wait_for(lambda: step <= int(time.time()) // STEP + 1, "a code not used before", seconds=2 * STEP)
        self.used_steps[email] = step
        return pyotp.TOTP(secret).at(step * STEP)

    def mails(self, to: str) -> list[dict[str, str]]:
        """Return what was delivered to an address, newest first."""
        mails = self.call("GET", f"{self.mailbox}/messages.json").json()
        return [mail for mail in mails if to in mail["to"]]

    def mail(self, to: str, holding: str, *, seconds: float = 30) -> dict[str, str]:
        """Return the newest mail to an address whose subject or text holds some words; wait for it."""

        def look() -> dict[str, str] | None:
            return next((one for one in self.mails(to) if holding in one["subject"] + "\n" + one["text"]), None)

        return wait_for(look, f"a mail to {to} with {holding!r}", seconds=seconds)

    def login_mail(self, to: str, *, after: int = 0) -> tuple[str, str]:
        """Return the code and the link of the newest log-in mail, once there are more than `after` of them."""

        def look() -> tuple[str, str] | None:
            asked = [one for one in self.mails(to) if "/login/link/" in one["text"]]
            if len(asked) <= after:
                return None
            text = asked[0]["text"]
            code = re.search(r"^\s*(\d{3}\s?\d{3})\s*$", text, re.MULTILINE)
            link = re.search(r"http://\S+/login/link/\S+", text)
            assert code is not None, text
            assert link is not None, text
            return code[1], link[0]

        return wait_for(look, f"a log-in mail to {to}")

    def disturb(self, behaviour: str, operation: str = "any", **more: Any) -> None:
        """Tell PayPal's stand-in to misbehave until it is calmed."""
        rule = {"operation": operation, "behaviour": behaviour, **more}
        assert self.call("POST", f"{self.simulator}/_simulator/rules", json=rule).status_code == 201

    def calm(self) -> None:
        """Tell PayPal's stand-in to behave again."""
        assert self.call("DELETE", f"{self.simulator}/_simulator/rules").status_code == 204

    def at_paypal(self, provider_id: str) -> dict[str, Any]:
        """Return a subscription as PayPal's stand-in holds it."""
        rows = self.call("GET", f"{self.simulator}/_simulator/subscriptions").json()["subscriptions"]
        found: dict[str, Any] = next(row for row in rows if row["id"] == provider_id)
        return found

    def id_of(self, name: str) -> str:
        """Return PayPal's id of the subscription of NAME@example.com."""
        rows = self.call("GET", f"{self.simulator}/_simulator/subscriptions").json()["subscriptions"]
        return next(str(row["id"]) for row in rows if row["email"] == f"{name}@example.com")

    def happen(self, name: str, what: str) -> None:
        """Let something happen at PayPal to somebody's subscription."""
        self.call("POST", f"{self.simulator}/_simulator/subscriptions/{self.id_of(name)}/{what}", json={})

    def calls(self, operation: str, provider_id: str) -> int:
        """Return how often PayPal's stand-in was asked for something about a subscription."""
        calls = self.call("GET", f"{self.simulator}/_simulator/calls").json()["calls"]
        return sum(1 for call in calls if call["operation"] == operation and call["provider_id"] == provider_id)

    def logs(self) -> str:
        """Return all that the demo's processes wrote, but what the seed prints for the newcomer."""
        logs = (self.data / "logs").glob("*.log")
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)


def begun_database(shared: Path) -> Path:
    """Return a stopped database that has its tables and no row, made once by whichever process of a run comes first."""
    made = shared / "pg"
    with (shared / "pg.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            data = make_folder("e2e-")  # where the user that the database runs as may enter
            subprocess.run([sys.executable, "-c", MIGRATED, str(data)], cwd=ROOT, check=True, timeout=START)
            _copy(server_folder(data), made.with_suffix(".part"))
            made.with_suffix(".part").rename(made)
            shutil.rmtree(data)
    return made


def _copy(folder: Path, to: Path) -> None:
    """Copy a folder with its owners and rights."""
    subprocess.run(["cp", "-a", str(folder), str(to)], check=True, timeout=STOP)


@contextmanager
def running_demo(begun: Path | None = None) -> Iterator[Demo]:
    """Start a demo, give it once it says that it runs, then stop it as Ctrl-C does; nothing may be left.

    `begun`: the database that it begins with; otherwise it makes its own, as a newcomer's does.
    """
    data = make_folder("e2e-")
    if begun is not None:
        _copy(begun, server_folder(data))
    ports = _free_ports()
    given = {**os.environ, "DEMO_DATA": str(data), **{name: str(port) for name, port in ports.items()}}
    output = data.with_suffix(".out")
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "portal.demo"], cwd=ROOT, env=given, stdout=log, stderr=subprocess.STDOUT
        )
    demo = Demo(data=data, ports=ports, process=process, output=output)
    try:
        wait_for(lambda: RUNS in output.read_text() or process.poll() is not None, "the demo", seconds=START)
        assert process.poll() is None, output.read_text()
        yield demo
        _stop(demo)
    finally:
        _clear(demo)


def _stop(demo: Demo) -> None:
    failures = [line for line in demo.logs().splitlines() if "Traceback" in line]
    assert not failures, "the demo's logs hold an error that nobody expected:\n" + "\n".join(failures)[:5000]
    family = psutil.Process(demo.process.pid).children(recursive=True)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(STOP) == 0, demo.output.read_text()
    wait_for(lambda: not any(map(_is_alive, family)), "the demo's processes to end", seconds=STOP)
    wait_for(lambda: not _users_of(demo.data), "the demo's database to stop", seconds=STOP)
    for name, port in demo.ports.items():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"somebody still listens on {name}"


def _clear(demo: Demo) -> None:
    """Leave nothing behind, whatever went wrong: only processes that this demo started."""
    if demo.process.poll() is None:
        for member in psutil.Process(demo.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                member.kill()
        demo.process.kill()
        demo.process.wait()
    for member in _users_of(demo.data):
        with suppress(psutil.Error):
            member.kill()
    shutil.rmtree(demo.data, ignore_errors=True)
    demo.output.unlink(missing_ok=True)


def _users_of(folder: Path) -> list[psutil.Process]:
    """Return the processes that were started with that folder: the database is no child of the supervisor."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in part for part in process.info["cmdline"] or ()) and _is_alive(process):
            found.append(process)
    return found


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _free_ports() -> dict[str, int]:
    ports = free_ports(len(VARIABLES))
    return {variable: port for (variable, _, _), port in zip(VARIABLES.values(), ports, strict=True)}
