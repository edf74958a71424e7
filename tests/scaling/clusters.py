"""What the chaos harness runs over here instead of one embedded server: one behind PgBouncer, and a pair."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from portal.demo.supervisor import die_with_parent
from tests.chaos.cluster import PATIENCE, Cluster
from tests.ports import free_port
from tests.postgresql import HOST, USER, Missing, Server

DATABASE: Final = "chaos"
# Of the harness's people: those who end something, and nobody who waits for a day or for an operator.
STORIES: Final = ("cancel", "double-click", "undo", "staff-cancel", "staff-abandon", "staff-and-customer")
CONNECTIONS: Final = 4  # of the server, that the pooler lends: fewer than the web has threads
POOLER: Final = """
[databases]
{database} = {server} dbname={database} user={user}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
admin_users = {user}
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
pidfile = {folder}/pid
"""


def pgbouncer() -> str:
    """Return where PgBouncer is; raise Missing."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise Missing("PgBouncer is missing (Debian: apt install pgbouncer).")
    return found


class Pooled(Cluster):
    """The embedded server behind a PgBouncer that lends its connections for a transaction."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.folder = folder / "pgbouncer"
        self.folder.mkdir()
        given = conninfo_to_dict(self.url)
        user, server = given["user"], f"host={given['host']} port={given.get('port', 5432)}"
        self.pooled_url = f"postgresql://{user}@{HOST}:{self.port}/{DATABASE}?gssencmode=disable"
        settings = POOLER.format(database=DATABASE, server=server, user=user, host=HOST, port=self.port,
                                 folder=self.folder, connections=CONNECTIONS)  # fmt: skip
        (self.folder / "pgbouncer.ini").write_text(settings)
        (self.folder / "users").write_text(f'"{user}" ""\n')
        # The server's own user: nobody else may come to its socket.
        alone = {"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}
        if self._user:
            shutil.chown(self.folder, self._user, self._user)
        with (folder / "pgbouncer.log").open("ab") as log:
            self._process = subprocess.Popen(
                (pgbouncer(), self.folder / "pgbouncer.ini"),
                **{"stdout": log, "stderr": log, "preexec_fn": die_with_parent, **alone},
            )
        self._await()

    @property
    def settings(self) -> dict[str, str]:
        return {"DATABASE_URL": self.pooled_url, "DATABASE_DIRECT_URL": self.url}

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        super().stop()

    def told(self, command: str) -> list[dict[str, Any]]:
        """Return what the pooler's own console says."""
        url = self.pooled_url.replace(f"/{DATABASE}?", "/pgbouncer?")
        with psycopg.connect(
            url, autocommit=True, prepare_threshold=None, row_factory=psycopg.rows.dict_row
        ) as console:
            cursor = psycopg.ClientCursor(console)  # the console knows the simple protocol alone
            return list(cursor.execute(command.encode()))

    def _await(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.pooled_url).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.1)


class Pair(Cluster):
    """A primary and the standby that follows it; `fail_over` kills the one and promotes the other.

    `is_synchronous`: a commit waits until the standby has it too.  `lag`: seconds before the end in which nothing
    reaches the standby any more, as behind a network that is cut.
    """

    def __init__(self, folder: Path, *, is_synchronous: bool, lag: float = 0.0) -> None:
        self._lag = lag
        self.primary, self.standby = Server(folder, name="first"), Server(folder, name="second")
        self.primary.make({"wal_level": "replica", "max_connections": 60})
        self.primary.tell(f"CREATE DATABASE {DATABASE}")
        self.standby.follow(self.primary, {"primary_slot_name": "", "synchronous_standby_names": ""})
        if is_synchronous:
            self.primary.tell("ALTER SYSTEM SET synchronous_standby_names = 'second'")
            self.primary.tell("SELECT pg_reload_conf()")
        self.server_url = self.primary.address()
        self.url = self.address_of(self.primary, self.standby)
        self.away: float | None = None  # seconds from the death to the promotion's end

    @staticmethod
    def address_of(*servers: Server) -> str:
        """Return the address that names them all and takes the one that can be written."""
        hosts = ",".join(f"{HOST}:{server.port}" for server in servers)
        return f"postgresql://{USER}@{hosts}/{DATABASE}?target_session_attrs=read-write&gssencmode=disable"

    def cut(self) -> None:
        """Let nothing reach the standby any more, as a network that is cut does: the primary's sender stands still."""
        for pid in self._senders():
            os.kill(pid, signal.SIGSTOP)

    def fail_over(self) -> None:
        """Kill -9 the primary, promote the standby."""
        if self._lag:
            self.cut()
            time.sleep(self._lag)
        began = time.monotonic()
        self.primary.kill()
        self.standby.promote()
        self.away = time.monotonic() - began

    def restart(self, mode: str) -> None:
        self.primary.restart(mode)

    def stop(self) -> None:
        for server in (self.primary, self.standby):
            with suppress(subprocess.SubprocessError):
                server.stop()

    def _senders(self) -> list[int]:
        with psycopg.connect(self.primary.address()) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_replication").fetchall()
        return [int(pid) for (pid,) in found]
