"""`make demo`: the whole product on one machine, with PayPal and the mail played by stand-ins.

Everything the demo knows is under one folder (var/demo): the database, the secrets, the simulator's state,
the mails, the logs.  Nothing of the caller's own settings is used but the ports.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from portal.demo.supervisor import STOP_SIGNALS, Child, Supervisor, answers, listens
from portal.postgres import ensure_server, server_folder

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
SECRETS = "secrets.env"
LARGE = "DEMO_LARGE"  # how many subscriptions the demo has beside its own; empty: none
SUBSCRIPTIONS = "100000"  # of the large demo, unless the caller says another number
AUTHORITY = "paypal-authority.pem"  # made anew by each start of the simulator, before the portal's
# What the portal must not inherit from the caller: the demo's own values take their place, or nothing does.
OURS = ("PORTAL_", "PAYPAL_", "DATABASE_URL", "SMTP_URL", "MAIL_", "FLASK_", "GUNICORN_", "PG")


class CannotStart(Exception):
    """The demo cannot start; the message is a sentence that says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of the loopback address that the demo listens on."""

    portal: int
    simulator: int
    mailbox: int
    smtp: int
    course_site: int
    website: int


VARIABLES = {
    "portal": ("PORTAL_PORT", 8000, "the portal"),
    "simulator": ("SIMULATOR_PORT", 8010, "the PayPal simulator"),
    "mailbox": ("MAILBOX_PORT", 8025, "the mailbox page"),
    "smtp": ("SMTP_PORT", 1025, "the mailbox's SMTP"),
    "course_site": ("COURSE_SITE_PORT", 8030, "the course site"),
    "website": ("WEBSITE_PORT", 8040, "the Studio's website"),
}


def read_ports(environment: Mapping[str, str]) -> Ports:
    """Read the ports; raise CannotStart naming every one that is not a port, is given twice or is in use."""
    problems: list[str] = []
    chosen: dict[str, int] = {}
    for name, (variable, default, what) in VARIABLES.items():
        text = environment.get(variable, "").strip() or str(default)
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            problems.append(f"{variable} is {text!r}: it must be a port, from 1 to 65535.")
        elif int(text) in chosen.values():
            problems.append(f"{variable} is {text}, which the demo already uses for something else.")
        else:
            chosen[name] = int(text)
            problems += _port_problem(chosen[name], variable, what)
    if problems:
        raise CannotStart("The demo cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))
    return Ports(**chosen)


def _port_problem(port: int, variable: str, what: str) -> list[str]:
    try:
        socket.create_server((HOST, port)).close()
    except PermissionError:
        return [f"Port {port}, for {what}, needs root. Choose one above 1023: {variable}={port + 8000} make demo"]
    except OSError:
        other = f"{variable}={port + 100 if port < 65000 else port - 100} make demo"
        return [f"Port {port}, for {what}, is in use. Stop what uses it, or choose another: {other}"]
    return []


def read_secrets(data: Path) -> dict[str, str]:
    """Return the demo's own secrets, made at random the first time and readable by their owner only."""
    path = data / SECRETS
    if not path.exists():
        key = base64.b64encode(secrets.token_bytes(32)).decode("ascii")
        unfinished = data / f"{SECRETS}.part"
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"PORTAL_SECRET_KEY={secrets.token_urlsafe(48)}\nPORTAL_MASTER_KEYS=demo1:{key}\n")
            file.write(f"PORTAL_METRICS_TOKEN={secrets.token_urlsafe(32)}\n")
        unfinished.rename(path)
    path.chmod(0o600)
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def environment_of(caller: Mapping[str, str], *, data: Path, ports: Ports, database_url: str) -> dict[str, str]:
    """Return the environment of every child: the caller's, cleaned of settings, and the demo's own."""
    kept = {name: value for name, value in caller.items() if not name.startswith(OURS)}
    simulator = f"http://{HOST}:{ports.simulator}"
    return {
        **kept,
        **read_secrets(data),
        "PORTAL_ENV": "demo",
        "PORTAL_BASE_URL": f"http://{HOST}:{ports.portal}",
        "PORTAL_DATA": str(data),
        "PORTAL_JOURNAL": str(data / "journal"),
        "DATABASE_URL": database_url,
        "SMTP_URL": f"smtp://{HOST}:{ports.smtp}",
        "MAIL_FROM": "Portail <portail@demo.example>",
        "PAYPAL_SANDBOX_URL": simulator,
        "PAYPAL_LIVE_URL": f"{simulator}/live",
        "PAYPAL_TRUST_FILE": str(data / AUTHORITY),
        "PORTAL_ALLOW_LOOPBACK": "1",
        "PORTAL_METRICS_WORKER": caller.get("DEMO_METRICS_WORKER", ""),  # where it tells its figures; else nowhere
        LARGE: caller.get(LARGE, ""),
        "DEMO_WEBSITE": f"http://{HOST}:{ports.website}",
        "DEMO_COURSE_SITE": f"http://{HOST}:{ports.course_site}",
        "NO_PROXY": f"{HOST},localhost",
        "no_proxy": f"{HOST},localhost",
        "PYTHONUNBUFFERED": "1",
    }


def children_of(ports: Ports, data: Path) -> list[Child]:
    """Return the demo's processes in the order of their start."""
    python = (sys.executable, "-m")
    flask = (*python, "flask", "--app", "wsgi")
    state, mails = str(data / "paypal.json"), str(data / "mails")
    simulator = (*python, "portal.demo.simulator", "--port", str(ports.simulator))
    kept = ("--state", state, "--authority", str(data / AUTHORITY))
    mailbox = (*python, "portal.demo.mailbox", "--http-port", str(ports.mailbox))
    course_site = (*python, "portal.demo.course_site", "--port", str(ports.course_site))
    gunicorn = (*python, "gunicorn", "wsgi:app", "--bind", f"{HOST}:{ports.portal}", "--no-control-socket")
    return [
        Child(
            name="simulator", command=(*simulator, *kept), ready=listens(ports.simulator)
        ),  # first: it writes what all trust
        Child(name="migrate", command=(*flask, "migrate"), finishes=True),
        Child(
            name="mailbox",
            command=(*mailbox, "--smtp-port", str(ports.smtp), "--folder", mails),
            ready=listens(ports.mailbox),
        ),
        Child(
            name="website",
            command=(
                *python,
                "portal.demo.website",
                "--port",
                str(ports.website),
                "--portal",
                f"http://{HOST}:{ports.portal}",
            ),
            ready=listens(ports.website),
        ),
        # The first time of the large demo; otherwise a few seconds.
        Child(name="seed", command=(*flask, "demo-seed"), finishes=True, patience=1_800),
        Child(name="worker", command=(*flask, "work")),
        Child(
            name="portal",
            # Two processes, as in production: what one of them keeps in memory, the other does not know.
            command=(*gunicorn, "--workers", "2", "--threads", "4", "--graceful-timeout", "5"),
            ready=answers(f"http://{HOST}:{ports.portal}/healthz"),
        ),
        Child(
            name="course-site",
            command=(*course_site, "--portal", f"http://{HOST}:{ports.portal}"),
            ready=listens(ports.course_site),
        ),
    ]


def welcome(ports: Ports, data: Path, people: str) -> str:
    """Return what is said once all is healthy: the addresses, the demo people, how to stop."""
    portal = f"http://{HOST}:{ports.portal}"
    return f"""
The demo runs. Nothing here is real: no mail leaves this machine, no money moves.

  Customer's account   {portal}
  Merchant's desk      {portal}/admin
  Mailbox              http://{HOST}:{ports.mailbox}   (SMTP on {ports.smtp})
  PayPal simulator     http://{HOST}:{ports.simulator}
  A course site        http://{HOST}:{ports.course_site}   (somebody else's; it asks the portal who may open what)
  Studio's website     http://{HOST}:{ports.website}   (customers log in with it)
  Logs                 {data / "logs"}

{people.strip()}

Ctrl-C stops everything and keeps the data; `make clean-demo` forgets it.
"""


def run(
    data: Path,
    caller: Mapping[str, str],
    *,
    say: Callable[[str], None] = print,
    children: Callable[[Ports, Path], Sequence[Child]] = children_of,
    database: Callable[[Path], str] = ensure_server,
) -> int:
    """Run the demo until a signal; return the exit status. Raise CannotStart before anything started."""
    data.mkdir(parents=True, exist_ok=True)
    with _only_one(data):
        ports = read_ports(caller)
        if server_folder(data).parent != data.resolve():
            say(f"The path of {data} is too long for a socket: the database is in {server_folder(data)}.")
        say("Starting the demo; the first time takes a minute.\n… database")

        def prepare() -> dict[str, str]:
            (data / "journal").mkdir(exist_ok=True)
            # Shared by whoever asks, and stopped when this process, the last to hold it, ends.
            return environment_of(caller, data=data, ports=ports, database_url=database(data))

        supervisor = Supervisor(children(ports, data), prepare=prepare, logs=data / "logs", folder=ROOT, say=say)
        return supervisor.run(lambda: say(welcome(ports, data, supervisor.output("seed"))))


def clean(data: Path, *, say: Callable[[str], None] = print) -> None:
    """Forget the demo: its database, mails, secrets and logs. Raise CannotStart while it runs."""
    if data.exists():
        known = {"journal", "lock", "logs", "mails", "pg", "paypal.json", AUTHORITY, SECRETS}
        if not (data / SECRETS).exists() and {path.name for path in data.iterdir()} - known:
            raise CannotStart(f"{data} does not look like the demo's folder: nothing was removed.")
        with _only_one(data):
            shutil.rmtree(server_folder(data), ignore_errors=True)
            shutil.rmtree(data)
    say(f"The demo's data is gone ({data}).")


def _only_one(data: Path) -> IO[str]:
    """Hold the folder: two demos on one database and one simulator's state would disturb each other."""
    lock = (data / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CannotStart(f"The demo already runs on {data}. Stop it first (Ctrl-C in its terminal).") from None
    return lock


def main(arguments: Sequence[str]) -> int:
    """Run `python -m portal.demo [large] [run|clean]`; DEMO_DATA names another folder than var/demo, var/demo-large."""
    is_large = list(arguments[:1]) == ["large"]
    name, caller = ("demo-large", {LARGE: SUBSCRIPTIONS, **os.environ}) if is_large else ("demo", {**os.environ})
    data = Path(os.environ.get("DEMO_DATA") or ROOT / "var" / name).resolve()
    try:
        match list(arguments[is_large:]):
            case [] | ["run"]:
                status = run(data, caller)
                for number in STOP_SIGNALS:  # the database stops as this process ends: let it
                    signal.signal(number, signal.SIG_IGN)
                return status
            case ["clean"]:
                clean(data)
                return 0
            case _:
                print("usage: python -m portal.demo [large] [run|clean]", file=sys.stderr)
                return 2
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 1
