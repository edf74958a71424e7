"""Events to other systems: how fast one worker brings a backlog to twenty endpoints, of which three are bad.

Two are dead, one of them so that nothing ever answers; one takes two seconds for each.  The same number of events waits
for each.  Meanwhile one more endpoint, which has nothing else, is told of a fresh event each second: how late that
arrives is what the others cost it.  The receivers are a process of their own and keep what arrived.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections import Counter
from datetime import datetime
from statistics import median
from typing import Final

import psycopg
from sqlalchemy import text

from bench.measures import Measure, processor_seconds
from bench.stack import NOWHERE, Stack, free_port, local_http
from portal.clock import utc_now
from portal.models import EventEndpoint, Merchant
from portal.services.context import Context
from portal.services.outgoing import event_secrets

ENDPOINTS: Final = 20
DEAD, SILENT, SLOW = "dead", "silent", "slow"
BAD: Final = (DEAD, SILENT, SLOW)
EVENTS: Final = 50_000  # for all of them
TAKES: Final = 2.0  # seconds, of the slow one
FRESH: Final = "fresh"
ENOUGH: Final = 600.0  # seconds: then something is wrong
# A fact and its delivery, for one merchant and its endpoint, so many times.
FILL: Final = text("""
WITH told AS (
    INSERT INTO outgoing_events (id, created_at, merchant_id, type, key, at, subject_kind, subject_id, facts)
    SELECT gen_random_uuid(), clock_timestamp(), :merchant, 'payment.completed', gen_random_uuid()::text,
           clock_timestamp(), 'pay', gen_random_uuid(), '{}' FROM generate_series(1, :count)
    RETURNING id, created_at
)
INSERT INTO event_deliveries (id, created_at, merchant_id, event_id, endpoint_id, state, failed, next_try_at)
SELECT gen_random_uuid(), created_at, :merchant, id, :endpoint, 'waiting', 0, created_at FROM told
""")


def run(stack: Stack) -> list[Measure]:
    """Measure the rate, and the lateness of what is fresh."""
    each = (600 if stack.small else EVENTS) // ENDPOINTS
    port, unheard = free_port(), free_port()
    receivers = f"http://127.0.0.1:{port}"
    with (
        stack.child("receivers", "-m", "bench.events", str(port), ready=f"{receivers}/ready"),
        stack.database() as url,
        stack.context(url, NOWHERE) as ctx,
    ):
        addresses = {f"quick-{number}": receivers for number in range(ENDPOINTS - len(BAD))}
        addresses |= {DEAD: f"http://127.0.0.1:{unheard}", SILENT: receivers, SLOW: receivers, FRESH: receivers}
        made = {name: _endpoint(ctx, name, f"{base}/{name}") for name, base in addresses.items()}
        for name, (merchant, endpoint) in made.items():
            if name != FRESH:
                _fill(ctx, merchant, endpoint, each)
        seconds, spent, late = _drain(stack, ctx, url, receivers, made[FRESH], awaited=each * (ENDPOINTS - len(BAD)))
        arrived: dict[str, list[str]] = local_http().get(f"{receivers}/arrived", timeout=60).json()
    quick = {name: ids for name, ids in arrived.items() if name.startswith("quick-")}
    doubled = sum(count - 1 for ids in arrived.values() for count in Counter(ids).values())
    lost = sum(each - len(set(ids)) for ids in quick.values()) + each * (ENDPOINTS - len(BAD) - len(quick))
    count = each * (ENDPOINTS - len(BAD))
    note = (
        f"{ENDPOINTS} endpoints, two dead, one slow, {each} events each; {spent * 1000 / count:.2f} ms of the worker's "
        f"processor each, {lost} lost, {doubled} doubled"
    )
    told = f"one each second to an endpoint with nothing else, {len(late)} of them, median {median(late):.1f} s"
    return [
        Measure("events delivered", count / seconds, None, "1/s", note, "≥ 200/s"),
        Measure("a fresh event, latest arrival", max(late), None, "s", told, "≤ 5 s"),
    ]


def _endpoint(ctx: Context, name: str, address: str) -> tuple[uuid.UUID, uuid.UUID]:
    merchant = Merchant(id=uuid.uuid4(), slug=name, name=name)
    endpoint = EventEndpoint(id=uuid.uuid4(), merchant_id=merchant.id, address=address)
    event_secrets.renew(ctx.vault, endpoint, now=utc_now())
    with ctx.db.begin() as session:
        session.add(merchant)
        session.flush()
        session.add(endpoint)
    return merchant.id, endpoint.id


def _fill(ctx: Context, merchant: uuid.UUID, endpoint: uuid.UUID, count: int) -> None:
    with ctx.db.begin() as session:
        session.execute(FILL, {"merchant": merchant, "endpoint": endpoint, "count": count})


def _drain(
    stack: Stack, ctx: Context, url: str, receivers: str, fresh: tuple[uuid.UUID, uuid.UUID], *, awaited: int
) -> tuple[float, float, list[float]]:
    """Run one worker until all of the quick ones have all; return the seconds, its processor's, what was how late."""
    settings = stack.environment(url, NOWHERE) | {"PORTAL_ALLOW_LOOPBACK": "1"}
    command = (sys.executable, "-m", "flask", "--app", "wsgi", "work")
    with (stack.folder / "events-worker.log").open("wb") as log, local_http() as asking:
        worker = subprocess.Popen(command, env=settings, stdout=log, stderr=log)  # noqa: S603 - our own command

        def arrived() -> int:
            if worker.poll() is not None:
                raise RuntimeError("the worker ended")
            return int(asking.get(f"{receivers}/count", timeout=60).text)

        try:
            while not arrived():
                time.sleep(0.02)
            started, before = time.perf_counter(), processor_seconds(worker.pid)
            while arrived() < awaited:
                _fill(ctx, *fresh, 1)
                time.sleep(1)
                if time.perf_counter() - started > ENOUGH:
                    raise RuntimeError(f"only {arrived()} of {awaited} events arrived")
            passed, spent = time.perf_counter() - started, processor_seconds(worker.pid) - before
            time.sleep(6)  # for the last fresh one
        finally:
            worker.terminate()
            worker.wait(60)
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT created_at, tried_at FROM event_deliveries WHERE endpoint_id = %s", [fresh[1]]
        ).fetchall()
    return passed, spent, [_late(*row) for row in rows]


def _late(written: datetime, tried: datetime | None) -> float:
    if tried is None:
        raise RuntimeError("a fresh event never arrived")
    return (tried - written).total_seconds()


class _Receivers:
    """Every endpoint on one port, told apart by path; two more paths tell what arrived."""

    def __init__(self) -> None:
        self.ids: dict[str, list[str]] = {}

    async def serve(self, port: int) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", port, backlog=256)
        async with server:
            await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                await reader.readexactly(int(headers.get("content-length", 0)))
                answer = await self._answer(lines[0].split(" ")[1].strip("/"), headers.get("webhook-id", ""))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, name: str, event_id: str) -> bytes:
        if name in ("ready", "count"):
            quick = (ids for one, ids in self.ids.items() if one.startswith("quick-"))
            return str(sum(map(len, quick))).encode()
        if name == "arrived":
            return json.dumps(self.ids).encode()
        if name == SILENT:
            await asyncio.sleep(3600)
        if name == SLOW:
            await asyncio.sleep(TAKES)
        self.ids.setdefault(name, []).append(event_id)
        return b"{}"


if __name__ == "__main__":
    asyncio.run(_Receivers().serve(int(sys.argv[1])))
