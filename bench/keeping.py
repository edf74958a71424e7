"""Do the tables that only grow need partitions: `python -m bench.keeping [ROWS]`, 10,000,000 by default.

One year's rows of a hundred merchants in `paypal_events` and `audit_entries`: the usual statements at a hundredth of
the size and at the whole, a night's purge, VACUUM.  Then the bytes of every table for 100,000 customers.  It takes an
hour and fifteen gigabytes of disk, and is therefore none of `make bench`; docs/retention.md has a recorded run.
"""

# ruff: noqa: E501, S608 - statements as they are, made of this file's own words

from __future__ import annotations

import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, LiteralString

import psycopg

from bench import desk_data
from bench.stack import standing
from portal.extensions import Database
from portal.models import Merchant

ROWS: Final = 10_000_000
PART: Final = 100  # the first measurement: at a hundredth
MERCHANTS: Final = 100  # the first of them has half of all rows
TIMES: Final = 200
CUSTOMERS: Final = 100_000
AT_ONCE: Final = 250_000

WHOSE: Final = (
    "('00000000-0000-4000-8000-' || lpad((CASE WHEN n %% 2 = 0 THEN 0 ELSE n / 2 %% 100 END)::text, 12, '0'))::uuid"
)
WHEN: Final = "now() - (1 - n::float8 / %(all)s) * interval '365 days'"
# As the intake writes them; a body of a kilobyte for the last thirty days, as the purge leaves it.
EVENTS: Final = f"""
    INSERT INTO paypal_events (id, merchant_id, environment, source, event_id, transmission_id, event_type, subject, body,
        happened_at, received_at, state, attempts, next_try_at, error, handled_at)
    SELECT gen_random_uuid(), {WHOSE}, 'live', 'webhook', 'WH-' || md5(n::text), md5(n::text), 'PAYMENT.SALE.COMPLETED',
        'I-' || (n / 24), CASE WHEN at > now() - interval '31 days'
            THEN convert_to((SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 32) i), 'UTF8') END,
        at, at, 'done', 1, NULL, '', at
    FROM (SELECT n, {WHEN} AS at FROM generate_series(%(from)s::bigint, %(to)s) n) made
"""
AUDIT: Final = f"""
    INSERT INTO audit_entries (merchant_id, number, at, act, actor, actor_id, channel, subject_kind, subject_id, details,
        previous_hash, hash)
    SELECT {WHOSE}, n, {WHEN}, 'end.requested', 'customer', NULL, 'portal',
        CASE WHEN n %% 5 = 0 THEN 'customer' ELSE 'subscription' END, md5((n / 10)::text)::uuid,
        '{{"after": {{"state": "confirmed"}}, "reference": "WXYZ-6789"}}', md5(n::text) || md5(n::text), md5(n::text) || md5(n::text)
    FROM generate_series(%(from)s::bigint, %(to)s) n
"""
BIG: Final = uuid.UUID("00000000-0000-4000-8000-000000000000")
STATEMENTS: Final = {
    "a message's own row, by its unique keys": "SELECT id FROM paypal_events WHERE merchant_id = %(m)s AND source = 'webhook'"
    " AND event_id = 'WH-' || md5((%(n)s)::text)",
    "newest 50 messages of the largest merchant": "SELECT * FROM paypal_events WHERE merchant_id = %(m)s"
    " ORDER BY received_at DESC, id DESC LIMIT 50",
    "50 messages from the middle of the year": "SELECT * FROM paypal_events WHERE merchant_id = %(m)s"
    " AND received_at < now() - interval '180 days' ORDER BY received_at DESC, id DESC LIMIT 50",
    "what waits": "SELECT id FROM paypal_events WHERE merchant_id = %(m)s AND state = 'waiting' AND next_try_at <= now()"
    " ORDER BY next_try_at LIMIT 50",
    "newest 50 rows of a chain": "SELECT * FROM audit_entries WHERE merchant_id = %(m)s ORDER BY number DESC LIMIT 50",
    "1,000 rows of a chain to verify": "SELECT * FROM audit_entries WHERE merchant_id = %(m)s AND number > %(n)s"
    " ORDER BY number LIMIT 1000",
    "rows about one customer": "SELECT * FROM audit_entries WHERE subject_kind = 'customer' AND subject_id = md5((%(n)s / 10)::text)::uuid"
    " ORDER BY number DESC LIMIT 50",
}
ARRIVAL: Final = (
    "INSERT INTO paypal_events (id, merchant_id, environment, source, event_id, transmission_id, event_type, subject, body,"
    " happened_at, received_at, state, attempts, next_try_at, error) SELECT gen_random_uuid(), %s, 'live', 'webhook', md5(random()::text),"
    " md5(random()::text), 'PAYMENT.SALE.COMPLETED', 'I-X', '{}', now(), now(), 'waiting', 0, now(), '' ON CONFLICT DO NOTHING"
)
NIGHT: Final = (
    "UPDATE paypal_events SET body = NULL WHERE id IN (SELECT id FROM paypal_events WHERE body IS NOT NULL"
    " AND received_at < now() - interval '30 days' AND state <> 'waiting' ORDER BY received_at LIMIT 1000"
    " FOR NO KEY UPDATE SKIP LOCKED)"
)


def main(rows: int) -> None:
    """Fill, measure, print."""
    with standing(small=False) as stack, stack.database() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # the chain's triggers look at each row
        _hurry(connection, "max_wal_size = '8GB'", "fsync = off")  # while it is filled
        _merchants(url, MERCHANTS)
        few = rows // PART
        _fill(connection, 1, few, rows)
        first = dict(_measured(connection, few))
        _fill(connection, few + 1, rows, rows)
        _hurry(connection, "fsync = on")
        print(f"| {rows:,} rows each, medians | ms at {few:,} | ms at {rows:,} |\n|---|---|---|")
        for name, taken in _measured(connection, rows):
            print(f"| {name} | {first[name]:.2f} | {taken:.2f} |")
        _night(connection)
        _sizes(connection)
    with standing(small=False) as stack, stack.database() as url, psycopg.connect(url) as connection:
        _merchants(url, 1)
        desk_data.fill(connection, BIG, CUSTOMERS)
        _sizes(connection)


def _merchants(url: str, count: int) -> None:
    database = Database(url)
    with database.begin() as session:
        for number in range(count):
            own = uuid.UUID(f"00000000-0000-4000-8000-{number:012d}")
            session.add(Merchant(id=own, slug=f"m{number}", name="Bench", support_email="aide@bench.example"))
    database.dispose()


def _hurry(connection: psycopg.Connection[Any], *settings: LiteralString) -> None:
    for setting in settings:
        connection.execute("ALTER SYSTEM SET " + setting)
    connection.execute("SELECT pg_reload_conf()")


def _fill(connection: psycopg.Connection[Any], start: int, end: int, rows: int) -> None:
    began = time.monotonic()
    for first in range(start, end + 1, AT_ONCE):
        span = {"from": first, "to": min(first + AT_ONCE - 1, end), "all": rows}
        connection.execute(EVENTS, span)
        connection.execute(AUDIT, span)
    connection.execute("ANALYZE paypal_events, audit_entries")
    print(f"filled to {end:,} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _measured(connection: psycopg.Connection[Any], rows: int) -> Iterator[tuple[str, float]]:
    for name, statement in STATEMENTS.items():

        def ask(statement: str = statement) -> None:
            number = random.randrange(2, rows, 2)  # noqa: S311 - no secret
            connection.execute(statement, {"m": BIG, "n": number}).fetchall()

        yield name, _median(ask)
    yield "a message arrives", _median(lambda: connection.execute(ARRIVAL, [BIG]))
    connection.execute("DELETE FROM paypal_events WHERE state = 'waiting'")


def _median(do: Callable[[], object]) -> float:
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        do()
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)[TIMES // 2]


def _night(connection: psycopg.Connection[Any]) -> None:
    """Purge the bodies of one day, as each night does, then vacuum."""
    began, batches, emptied, longest = time.monotonic(), 0, 0, 0.0
    while True:
        started = time.perf_counter()
        count = connection.execute(NIGHT).rowcount
        longest, batches, emptied = max(longest, time.perf_counter() - started), batches + 1, emptied + count
        if count < 1000:
            break
    print(
        f"\na night's purge: {emptied:,} bodies in {batches} batches, {time.monotonic() - began:.1f} s, longest batch {longest:.2f} s"
    )
    for table in ("paypal_events", "audit_entries"):
        for turn in ("first", "second"):
            began = time.monotonic()
            connection.execute(f"VACUUM (ANALYZE) {table}")
            print(f"{turn} VACUUM of {table}: {time.monotonic() - began:.1f} s")


def _sizes(connection: psycopg.Connection[Any]) -> None:
    print(f"\n{datetime.now(UTC):%Y-%m-%d}\n| table | rows | MiB, indexes with it | bytes a row |\n|---|---|---|---|")
    for table, size, count in desk_data.sizes(connection):
        print(f"| {table} | {count:,} | {size / 2**20:,.1f} | {size / count:,.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
