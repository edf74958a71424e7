"""How long whoever works waits for a lock, seen from beside: the database's own list, fifty times a second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

EVERY = 0.02
# Whoever waits for a lock on a table that the migrating connections hold or ask for; not these themselves.
WAITING = """
    SELECT extract(epoch FROM clock_timestamp() - waits.waitstart), waits.relation::regclass::text, waits.mode
    FROM pg_locks waits JOIN pg_stat_activity who USING (pid)
    WHERE NOT waits.granted AND waits.waitstart IS NOT NULL AND who.application_name = 'portal'
        AND waits.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND waits.locktype = 'relation'
"""


@dataclass
class Waits:
    """The longest wait seen so far, in seconds, and for what."""

    longest: float = 0.0
    what: str = ""
    seen: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def watching(url: str) -> Iterator[Waits]:
    """Look until the block ends."""
    waits = Waits()

    def look() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not waits._stop.wait(EVERY):
                for seconds, table, mode in connection.execute(WAITING).fetchall():
                    waits.seen += 1
                    if float(seconds) > waits.longest:
                        waits.longest, waits.what = float(seconds), f"{mode} on {table}"

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield waits
    finally:
        waits._stop.set()
        thread.join()
