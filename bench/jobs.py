"""Commits that carry a job each, over many connections, against the same row alone: what the queue costs everybody.

The job is of the kind that nobody sits and waits for (portal/queue.py, FIRST); the note says what the same costs where
every job notifies the workers, as before migration 0022.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

import psycopg
from psycopg.rows import TupleRow

from bench.measures import ROUNDS, WARM_UP, Measure
from bench.stack import Stack
from portal import queue
from portal.migrating import downgrade, upgrade

CONNECTIONS = 32
ROW = "INSERT INTO bench_rows (at) VALUES (clock_timestamp())"
JOB = f"""
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)
    VALUES ('default', '{queue.CARRY_OUT_END}', {queue.FIRST}, '{{"request_id": "0"}}')
"""  # noqa: S608 - our own constants


def run(stack: Stack) -> list[Measure]:
    """Measure the row alone and with its job, in turn; then with its job and the library's own trigger."""
    with stack.database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE bench_rows (at timestamptz NOT NULL)")
        alone, together = _in_turn(url, stack.seconds)
        downgrade(url, "0021")
        _, noisy = _in_turn(url, stack.seconds, rounds=1)
        upgrade(url)
    note = f"every job notifies: {noisy:,.0f}/s"
    return [
        Measure(f"commits with a job, {CONNECTIONS} connections", together, alone, "commits/s", note, "≥ 0.4"),
    ]


def _in_turn(url: str, seconds: float, rounds: int = ROUNDS) -> tuple[float, float]:
    asyncio.run(_commits(url, (ROW, JOB), WARM_UP))
    seen = [
        (asyncio.run(_commits(url, (ROW,), seconds)), asyncio.run(_commits(url, (ROW, JOB), seconds)))
        for _ in range(rounds)
    ]
    return median(one for one, _ in seen), median(other for _, other in seen)


async def _commits(url: str, statements: tuple[str, ...], seconds: float) -> float:
    """Return how many transactions of those statements all connections together commit in a second."""
    connections = [await psycopg.AsyncConnection.connect(url) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    counts = await asyncio.gather(*(_work(one, statements, started + seconds) for one in connections))
    passed = time.perf_counter() - started
    for one in connections:
        await one.close()
    return sum(counts) / passed


async def _work(connection: psycopg.AsyncConnection[TupleRow], statements: tuple[str, ...], until: float) -> int:
    done = 0
    while time.perf_counter() < until:
        for statement in statements:
            await connection.execute(statement)
        await connection.commit()
        done += 1
    return done
