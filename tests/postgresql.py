"""A PostgreSQL of a folder of programs (Debian's, for instance): started, killed, followed by a standby, promoted.

It never runs as root: whoever is root lends it to the user `postgres`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.ports import free_port

HOST: Final = "127.0.0.1"
USER: Final = "postgres"
BIN: Final = "PORTAL_TEST_PG_BIN"  # the folder of programs that the tests run on, instead of the embedded ones
DEBIAN: Final = Path("/usr/lib/postgresql")
PATIENCE: Final = 30.0


class Missing(Exception):
    """A program that is needed is not there; says what to install."""


def programs() -> Path:
    """Return where PostgreSQL's programs are: what the environment names, else Debian's newest; raise Missing."""
    named = os.environ.get(BIN, "")
    found = [Path(named)] if named else sorted(DEBIAN.glob("*/bin"), key=lambda one: int(one.parent.name))
    if not found or not (found[-1] / "pg_ctl").exists():
        raise Missing(f"PostgreSQL's programs are missing (Debian: apt install postgresql), or {BIN} names none.")
    return found[-1]


def as_nobody_special() -> dict[str, Any]:
    """Return how a child is started that refuses to be root."""
    return {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}


class Server:
    """One server on a port of this machine; `folder` must be one that others may enter."""

    def __init__(self, folder: Path, *, name: str = "main", bin_path: Path | None = None) -> None:
        self.bin = bin_path or programs()
        self.name, self.port = name, free_port()
        self.folder = folder / name
        self.folder.mkdir()
        self.folder.chmod(0o700)
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER, USER)
        self.data = self.folder / "data"

    def address(self, database: str = "postgres") -> str:
        """Return the address of one of its databases; it has a question mark, so that settings can follow."""
        return f"postgresql://{USER}@{HOST}:{self.port}/{database}?gssencmode=disable"

    def by_socket(self) -> str:
        """Return the address of its database `postgres` by its Unix socket, as the embedded server has one."""
        return f"postgresql://{USER}@/postgres?host={self.folder}&port={self.port}"

    def make(self, settings: Mapping[str, object] | None = None) -> None:
        """Make its files and start it."""
        self._run("initdb", "-D", self.data, "-U", USER, "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-N")
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write(f"host replication all {HOST}/32 trust\n")
        self.start(settings)

    def follow(self, primary: Server, settings: Mapping[str, object] | None = None) -> None:
        """Make it a copy of another one, by whose log it goes on; its name is how the other one knows it."""
        source = f"host={HOST} port={primary.port} user={USER} application_name={self.name}"
        self._run("pg_basebackup", "-D", self.data, "-d", source, "-R", "-X", "stream", "-c", "fast")
        self.start(settings)

    def start(self, settings: Mapping[str, object] | None = None) -> None:
        """Start it, with settings that stay."""
        with (self.data / "postgresql.auto.conf").open("a") as file:
            given = {"port": self.port, "listen_addresses": HOST, "unix_socket_directories": self.folder}
            for name, value in {**given, **(settings or {})}.items():
                file.write(f"{name} = '{value}'\n")
        self._run("pg_ctl", "-w", "-D", self.data, "-l", self.folder / "log", "start")

    def restart(self, mode: str) -> None:
        """Restart it: `fast` breaks every connection, `immediate` is a crash with recovery."""
        self._run("pg_ctl", "-w", "-D", self.data, "-m", mode, "-l", self.folder / "log", "restart")

    def stop(self) -> None:
        """Stop it, whatever it does."""
        if self.pid():
            self._run("pg_ctl", "-w", "-D", self.data, "-m", "immediate", "stop")

    def kill(self) -> None:
        """Kill -9 all of it at once, as a machine that loses its power."""
        leader = self.pid()
        children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
        for pid in (leader, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def promote(self) -> None:
        """Let a standby become a primary."""
        self._run("pg_ctl", "-w", "-D", self.data, "promote")

    def pid(self) -> int:
        """Return its first process, 0 when it does not run."""
        try:
            found = int((self.data / "postmaster.pid").read_text().split()[0])
            os.kill(found, 0)
        except (OSError, ValueError, IndexError):
            return 0
        return found

    def ask(self, question: str, database: str = "postgres") -> Any:
        """Return the first value of the answer; retry while it starts."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with psycopg.connect(self.address(database), autocommit=True) as connection:
                    row = connection.execute(question.encode()).fetchone() if question else None
                    return row[0] if row else None
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def tell(self, statement: str, database: str = "postgres") -> None:
        """Run a statement that answers nothing."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: object) -> None:
        # Not captured: a server that is started keeps what it was given.
        with (self.folder / "programs.log").open("ab") as log:
            command = (self.bin / program, *map(str, arguments))
            subprocess.run(
                command, check=True, stdout=log, stderr=log, cwd=self.folder, timeout=PATIENCE * 2,
                env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}, **as_nobody_special(),
            )  # fmt: skip
