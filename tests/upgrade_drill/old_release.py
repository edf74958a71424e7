"""The release before, with its own code: fills a database, serves it, and has people read and cancel without a pause.

Started in that release's tree (`PYTHONPATH`), whose bench brings the processes.  First line out: where it all is.  When
its standard input ends it stops, and its last line says what the people saw.  Arguments: folder, server, customers.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy import select

from bench import cancels, desk_data
from bench.serving import HOST, portal, workers
from bench.simulated import simulating, subscriptions
from bench.stack import Stack, local_http
from bench.stored import give_customers, store
from portal import logs
from portal.models import Merchant, Subscription
from portal.services.context import Context

CANCELS = 400  # as many customers may cancel
READS_EVERY, CANCELS_EVERY = 0.1, 0.5  # seconds: as an installation that is used, not one that is measured


@dataclass
class Seen:
    """What the people saw: answers by status, the slowest of each kind."""

    stopping: threading.Event = field(default_factory=threading.Event)
    statuses: Counter = field(default_factory=Counter)
    slowest: dict = field(default_factory=lambda: {"read": 0.0, "cancel": 0.0})
    troubles: list = field(default_factory=list)
    cancelled: int = 0

    def note(self, kind: str, status: int, began: float) -> None:
        self.statuses[f"{kind} {status}"] += 1
        self.slowest[kind] = max(self.slowest[kind], time.monotonic() - began)


def main(folder: Path, server: str, customers: int) -> None:
    """Fill, serve, load; until there is nothing more to read."""
    logs.set_up("warning")
    stack = Stack(folder=folder, server_url=server, small=True)
    number = CANCELS + 4
    with (
        stack.database() as database,
        simulating(stack, number) as url,
        stack.context(database, url) as ctx,
    ):
        _fill(ctx, database, customers)
        merchant_id = store(stack, database, url, list(subscriptions(number)))
        give_customers(ctx)
        with ctx.db.read() as session:
            own = set(session.scalars(select(Subscription.id).where(Subscription.merchant_id == merchant_id)))
        people = [one for one in cancels._let_in(ctx, merchant_id) if one[0] in own]
        with portal(stack, database, simulator=url) as served, workers(stack, database, url, 1):
            for _ in range(2):
                cancels._cancel(served.port, *people.pop())
            seen = Seen()
            threads = [
                threading.Thread(target=_read, args=(seen, served.port, people[0][1])),
                threading.Thread(target=_cancel, args=(seen, served.port, people[1:])),
            ]
            for thread in threads:
                thread.start()
            said = {"database": database, "port": served.port, "simulator": url, "token": people[0][1], "host": HOST}
            print(json.dumps(said), flush=True)
            sys.stdin.read()
            seen.stopping.set()
            for thread in threads:
                thread.join()
            lost = _unconfirmed(database, seen.cancelled)
    told = {"statuses": dict(seen.statuses), "slowest": seen.slowest, "troubles": seen.troubles[:5]}
    print(json.dumps(told | {"cancelled": seen.cancelled, "lost": lost}), flush=True)


def _fill(ctx: Context, database: str, customers: int) -> None:
    """Make another merchant with so many customers and their past, first: it makes indexes anew."""
    big = uuid.uuid4()
    with ctx.db.begin() as session:
        session.add(Merchant(id=big, slug="big", name="Big"))
    with psycopg.connect(database) as connection:
        desk_data.fill(connection, big, customers)


def _read(seen: Seen, port: int, token: str) -> None:
    with local_http() as http:
        headers = {"Host": HOST, "Cookie": f"portal_customer={token}", "Accept-Language": "en"}
        while not seen.stopping.wait(READS_EVERY):
            began = time.monotonic()
            try:
                answer = http.get(f"http://127.0.0.1:{port}/account/bench/", headers=headers, timeout=60)
                seen.note("read", answer.status_code, began)
            except OSError as error:
                seen.troubles.append(f"read: {type(error).__name__}")


def _cancel(seen: Seen, port: int, people: list) -> None:
    for one in people:
        if seen.stopping.wait(CANCELS_EVERY):
            return
        began = time.monotonic()
        try:
            _milliseconds, again = cancels._cancel(port, *one)
            seen.cancelled += 1
            seen.note("cancel", 503 if again else 303, began)
        except (RuntimeError, OSError) as error:
            seen.troubles.append(f"cancel: {error}"[:300])


def _unconfirmed(database: str, cancelled: int) -> int:
    """Wait until every end that was asked for is confirmed; return how many are not."""
    asked = "SELECT count(*) FROM end_requests WHERE confirmed_at IS NOT NULL AND created_at > now() - interval '1 day'"
    deadline, found = time.monotonic() + 120, 0
    with psycopg.connect(database, autocommit=True) as connection:
        while time.monotonic() < deadline:
            (found,) = connection.execute(asked).fetchone()
            if found >= cancelled + 2:
                break
            time.sleep(0.5)
    return max(cancelled + 2 - found, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
