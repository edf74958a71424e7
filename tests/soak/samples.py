"""What is measured meanwhile: memory of the steady processes, requests served, what waits and since when."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil
import requests
from sqlalchemy import text

from portal import queue
from portal.clock import utc_now
from portal.demo.run import HOST
from portal.queries.operating import metrics as queries
from tests.chaos.world import World
from tests.soak.stand import OTHER_WEB, OTHER_WORKER, STEADY, STEADY_WEB, STEADY_WORKER, TOKEN, SoakStack

EVERY: Final = 30.0  # seconds
SERVED: Final = re.compile(r"^portal_http_requests_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)
PARTS: Final = ("Pss", "Pss_Anon", "Pss_File", "Pss_Shmem")
SIZES: Final = text("""SELECT c.relname, pg_total_relation_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'""")


@dataclass(frozen=True)
class Sample:
    """One look. Memory in MiB, waits in seconds; empty where the database or a process did not answer."""

    at: datetime
    served: int  # requests, of the steady web
    memory: dict[str, dict[str, float]]  # of each steady group: the parts of its proportional set size
    pids: dict[str, list[int]]
    waits: dict[str, float]  # by what waits: how late the first is


# What goes after thirty days; the forecast of a row is without it.
BODIES: Final = {"paypal_events": "body"}


@dataclass(frozen=True)
class Table:
    """How large a table is: bytes with its indexes and long values.

    `packed` is the same without what VACUUM has still to free and without what goes after thirty days: what the
    forecasts were measured of.  0 where it was not looked at.
    """

    rows: int
    size: int
    packed: int = 0


@dataclass
class Sampler:
    """Looks every EVERY seconds, in a thread of its own."""

    stack: SoakStack
    world: World
    samples: list[Sample] = field(default_factory=list)
    scrapes: int = 0
    trouble: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until told to stop."""
        while not self.stopping.wait(EVERY):
            try:
                self.look()
            except Exception as error:
                self.trouble.append(f"a sample could not be taken: {type(error).__name__}: {error}")

    def look(self) -> Sample:
        """Take one sample."""
        told = [self._scraped(name) for name in (STEADY_WEB, OTHER_WEB, STEADY_WORKER, OTHER_WORKER)]
        before = self.samples[-1].served if self.samples else 0
        served = max(before, sum(float(one) for one in SERVED.findall(told[0])))  # it may not have been told in time
        pids = {name: self._pids(name) for name in STEADY}
        memory = {name: memory_of(found) for name, found in pids.items()}
        sample = Sample(utc_now(), int(served), memory, pids, self._waits())
        self.samples.append(sample)
        return sample

    def tables(self) -> dict[str, Table]:
        """Count and weigh every table."""
        with self.world.context.db.read() as session:
            sizes = session.execute(SIZES).all()
            return {
                name: Table(session.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one(), size)  # noqa: S608
                for name, size in sizes
            }

    def packed(self, names: Collection[str]) -> dict[str, Table]:
        """Weigh every table, and these once more without dead rows and what it takes empty; nobody may write meanwhile.

        A table of two dozen indexes has a page of each before its first row: of few rows a third of all it takes.
        """
        tables = self.tables()
        with self.stack.cluster.connect() as db:
            for name in tables.keys() & names:
                db.execute(f'VACUUM FULL "{name}"')
                db.execute(f'CREATE TABLE an_empty_one (LIKE "{name}" INCLUDING ALL)')
                body = BODIES.get(name, "NULL")
                query = (
                    f"SELECT pg_total_relation_size('{name}') - pg_total_relation_size('an_empty_one')"
                    f" - coalesce(sum(pg_column_size({body})), 0) AS packed"
                )
                found = db.execute(f'{query} FROM "{name}"').fetchone() or {"packed": 0}
                db.execute("DROP TABLE an_empty_one")
                tables[name] = replace(tables[name], packed=int(found["packed"]))
        return tables

    def _scraped(self, name: str) -> str:
        """Read the figures as Prometheus would; "" where they do not come."""
        address = f"http://{HOST}:{self.stack.ports[name]}/metrics"
        with suppress(requests.RequestException), requests.Session() as http:
            http.trust_env = False
            answer = http.get(address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
            self.scrapes += answer.status_code == 200
            return answer.text if answer.status_code == 200 else ""
        return ""

    def _pids(self, name: str) -> list[int]:
        popen = self.stack.processes[name].popen
        if popen is None or popen.poll() is not None:
            return []
        with suppress(psutil.Error):
            return [popen.pid, *sorted(one.pid for one in psutil.Process(popen.pid).children(recursive=True))]
        return []

    def _waits(self) -> dict[str, float]:
        with suppress(Exception), self.world.context.db.browse() as session:
            waits: dict[str, Any] = {
                f"jobs: {queue.rank_name(priority)}": float(late or 0)
                for priority, _count, late in queries.jobs(session)
            }
            waits["messages"] = float(queries.messages(session)[2] or 0)
            waits["mails"] = float(queries.mails(session)[3] or 0)
            asked = [float(age) for *_, whom, _count, age in queries.open_requests(session) if whom == "portal"]
            return {**waits, "requests": max(asked, default=0.0)}
        return {}


def memory_of(pids: Sequence[int]) -> dict[str, float]:
    """Return the parts of the proportional set size of processes together, in MiB; empty where one is gone."""
    found = dict.fromkeys(PARTS, 0.0)
    try:
        for pid in pids:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in found:
                    found[name] += int(value.split()[0]) / 1024
    except OSError:
        return {}
    return found if pids else {}
