"""A backup by pg_dump, restored by pg_restore into the same address, and what of the database is compared."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from portal import postgres
from portal.extensions import Database
from portal.journal.watched import WATCHED, key_of
from tests.postgresql import BIN

# What changes with each try, and tells nobody anything; and what a recovery itself goes on with.
TRIED = {"attempts", "next_try_at", "claimed_at", "answer", "trouble", "send_at", "error", "seen_at"}
OWN_WAY = {"audit_heads"}


class Backup:
    """The database as it was when this was made."""

    def __init__(self, db: Database, url: str, path: Path) -> None:
        self._db, self._url, self._path = db, url, path
        self._run("pg_dump", "--format=custom", f"--file={path}", f"--dbname={url}")

    @classmethod
    def of(cls, db: Database, url: str, path: Path) -> Backup:
        """A dump that lies there already."""
        made = cls.__new__(cls)
        made._db, made._url, made._path = db, url, path
        return made

    def restore(self) -> None:
        """Throw the database away, and put the backup in its place."""
        self._db.dispose()
        parts = conninfo_to_dict(self._url)
        name = sql.Identifier(str(parts["dbname"]))
        with psycopg.connect(make_conninfo(self._url, dbname="postgres"), autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
        self._run("pg_restore", "--exit-on-error", f"--dbname={self._url}", str(self._path))

    @staticmethod
    def _run(tool: str, *arguments: str) -> None:
        named = os.environ.get(BIN)  # the server's own: a newer pg_restore asks it for settings it does not know
        path = Path(named) / tool if named else postgres.tools(tool)[-1]
        subprocess.run([str(path), *arguments], check=True, capture_output=True)


def told(url: str) -> dict[tuple[str, str], dict]:
    """Every row of the tables that somebody is told of, by table and key."""
    found = {}
    with psycopg.connect(url) as connection:
        for table in sorted(WATCHED - OWN_WAY):
            query = sql.SQL("SELECT to_jsonb(one) FROM {} one").format(sql.Identifier(table))
            for (row,) in connection.execute(query).fetchall():
                kept = {name: value for name, value in row.items() if name not in TRIED}
                found[table, row[key_of(table)]] = kept
    return found
