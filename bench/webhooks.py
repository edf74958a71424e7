"""Webhooks: how many are accepted, and how fast what they tell of is written.

Accepted: the portal under gunicorn against a floor on the same stack that verifies one RSA-2048 signature, inserts
one row idempotently and commits.  A stretch is a number of messages, not of seconds, and both tables are emptied before
each: the same signed messages are new again, so that no server is fast enough to run out of them.
Applied: one worker process against a backlog, about as many subscriptions as messages or an eighth.
"""

from __future__ import annotations

import base64
import http.client
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Final

import psycopg
from sqlalchemy import func, select

from bench import serving
from bench.measures import ROUNDS, Measure, processor_seconds
from bench.serving import Served
from bench.stack import CLIENT_ID, CLIENT_SECRET, NOWHERE, Stack, free_port, merchant_with_key
from portal.clock import utc_now
from portal.demo.simulator import Simulator, serve
from portal.demo.simulator.sending.certificates import authority, certificate
from portal.demo.simulator.sending.delivery import CERTIFICATES, certificate_id
from portal.models import EventSource, EventState, PayPalEvent, Subscription
from portal.services.context import Context
from portal.services.imports import imports
from portal.services.messages import events, webhook_endpoints

WEBHOOK_ID: Final = "1JE4291016473214C"
CONNECTIONS: Final = (4, 16, 64)
MESSAGES: Final = 6_000  # of a stretch
BACKLOG: Final = 20_000
EACH: Final = (1, 8)  # messages of one subscription

Posted = tuple[bytes, dict[str, str]]  # body and headers


@dataclass(frozen=True)
class Door:
    """Where messages are posted, each by a connection of its own, as PayPal's come."""

    server: Served
    path: str

    def post(self, messages: Sequence[Posted], *, connections: int) -> tuple[float, float]:
        """Post them, so many at once; return how many a second were taken, and the server's processor ms for each."""
        taken: list[int] = []
        before, started = processor_seconds(self.server.process), time.perf_counter()
        with ThreadPoolExecutor(connections) as posters:
            shares = [messages[place::connections] for place in range(connections)]
            taken += posters.map(self._post_all, shares)
        passed = time.perf_counter() - started
        if sum(taken) != len(messages):
            raise RuntimeError(f"only {sum(taken)} of {len(messages)} messages were taken at {self.path}")
        return len(messages) / passed, (processor_seconds(self.server.process) - before) * 1000 / len(messages)

    def _post_all(self, messages: Sequence[Posted]) -> int:
        taken = 0
        for body, headers in messages:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            answer.read()
            taken += answer.status == 200
            connection.close()
        return taken


def run(stack: Stack) -> list[Measure]:
    """Measure both."""
    (stack.folder / "roots.pem").write_bytes(authority().pem)
    simulator = Simulator()
    simulator.automatic = False
    simulator.add_account(CLIENT_ID, CLIENT_SECRET)
    with serve(simulator) as paypal, stack.database() as url, stack.context(url, paypal.url) as ctx:
        merchant_id = merchant_with_key(ctx)
        with ctx.db.begin() as session:
            endpoint = webhook_endpoints.endpoint_of(session, merchant_id, "sandbox")
            endpoint.webhook_id = WEBHOOK_ID
            token = endpoint.token
        cert_url = paypal.url + CERTIFICATES + certificate_id("sandbox")
        accepted = _accepted(stack, url, paypal.url, token=token, cert_url=cert_url)
    return [*accepted, *(_applied(stack, each) for each in EACH)]


def _accepted(stack: Stack, url: str, paypal_url: str, *, token: str, cert_url: str) -> list[Measure]:
    with ThreadPoolExecutor(2) as signers:
        messages = list(signers.map(lambda _: _signed(cert_url), range(600 if stack.small else MESSAGES)))
    with _floor(stack, url) as floor, _portal(stack, url, paypal_url, token) as product:
        for door in (floor, product):
            door.post(messages[:200], connections=CONNECTIONS[0])  # a warm-up
        return [_compared(url, floor, product, messages, connections) for connections in CONNECTIONS]


def _compared(url: str, floor: Door, product: Door, messages: Sequence[Posted], connections: int) -> Measure:
    seen: dict[Door, list[tuple[float, float]]] = {floor: [], product: []}
    for _ in range(ROUNDS):
        for door, rates in seen.items():
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("TRUNCATE floor, paypal_events")
                connection.execute("CHECKPOINT")
            rates.append(door.post(messages, connections=connections))
    least, ours = (median(rate for rate, _spent in seen[door]) for door in (floor, product))
    spent = [median(spent for _rate, spent in seen[door]) for door in (product, floor)]
    note = f"gunicorn.conf.py, {connections} connections, {spent[0]:.2f} ms of processor against {spent[1]:.2f}"
    return Measure(f"webhook accepted, {connections} connections", ours, least, "1/s", note, "≥ 0.90")


def _applied(stack: Stack, each: int) -> Measure:
    """Let one worker process drain a backlog; every message must be done at the end."""
    backlog = 800 if stack.small else BACKLOG
    command = ("-m", "bench.webhooks", "simulate", str(backlog // each))
    port = free_port()
    paypal_url = f"http://127.0.0.1:{port}"
    with (
        stack.child("webhook-simulator", *command, str(port), ready=paypal_url),
        stack.database() as url,
        stack.context(url, paypal_url) as ctx,
    ):
        merchant_id = merchant_with_key(ctx)
        ids = _import(ctx, merchant_id, backlog // each)
        _fill(ctx, merchant_id, ids, backlog)
        seconds, spent = _drain(stack, ctx, url, paypal_url)
        with ctx.db.read() as session:
            done = session.scalar(select(func.count()).where(PayPalEvent.state == EventState.DONE)) or 0
    if done != backlog:
        raise RuntimeError(f"{backlog - done} of {backlog} messages were not applied")
    note = (
        f"one worker process, {spent * 1000 / backlog:.2f} ms of its processor each, {backlog} messages, nothing lost"
    )
    target = "≥ 150/s" if each == 1 else "≥ 500/s"
    return Measure(f"webhook to state applied, {each} a subscription", backlog / seconds, None, "1/s", note, target)


def _import(ctx: Context, merchant_id: uuid.UUID, count: int) -> list[str]:
    """Take the simulator's subscriptions in, so that the messages are about known ones."""
    imports.run_import(ctx, imports.start_or_resume(ctx, merchant_id).id)
    with ctx.db.read() as session:
        ids = list(session.scalars(select(Subscription.provider_id)))
    assert len(ids) == count  # noqa: S101 - a measurement of something else otherwise
    return ids


def _fill(ctx: Context, merchant_id: uuid.UUID, ids: list[str], backlog: int) -> None:
    now = utc_now()
    for start in range(0, backlog, 1000):
        with ctx.db.begin() as session:
            for number in range(start, min(start + 1000, backlog)):
                subject = ids[number % len(ids)]
                message = events.Message(
                    merchant_id=merchant_id,
                    environment="sandbox",
                    source=EventSource.WEBHOOK,
                    event_id=f"WH-{number}",
                    transmission_id=str(uuid.uuid4()),
                    event_type="BILLING.SUBSCRIPTION.UPDATED",
                    subject=subject,
                    body=_body(subject),
                )
                events.store(session.connection(), message, now=now)


def _drain(stack: Stack, ctx: Context, url: str, paypal_url: str) -> tuple[float, float]:
    """Run one worker until nothing waits; return the seconds and of its processor."""
    settings = stack.environment(url, paypal_url) | {"PAYPAL_TRUST_FILE": str(stack.folder / "roots.pem")}
    command = (sys.executable, "-m", "flask", "--app", "wsgi", "work")
    with (stack.folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, env=settings, stdout=log, stderr=log)  # noqa: S603 - our own command
        try:
            while _handled(ctx, at_least=1) == 0:
                if worker.poll() is not None:
                    raise RuntimeError("the worker ended")
                time.sleep(0.02)
            started, before = time.perf_counter(), processor_seconds(worker.pid)
            while _handled(ctx, at_least=0):
                time.sleep(0.1)
            return time.perf_counter() - started, processor_seconds(worker.pid) - before
        finally:
            worker.terminate()
            worker.wait(60)


def _handled(ctx: Context, *, at_least: int) -> int:
    """Return how many are handled (with `at_least`), else how many still wait."""
    state = PayPalEvent.state != EventState.WAITING if at_least else PayPalEvent.state == EventState.WAITING
    with ctx.db.read() as session:
        return session.scalar(select(func.count()).select_from(select(PayPalEvent.id).where(state).subquery())) or 0


def _body(subject: str) -> bytes:
    filling = "x" * 1800  # a real message has about 2 kB
    return (
        f'{{"id":"WH-{uuid.uuid4()}","event_type":"BILLING.SUBSCRIPTION.UPDATED",'
        f'"create_time":"2026-11-22T10:00:00Z","summary":"{filling}","resource":{{"id":"{subject}"}}}}'
    ).encode()


def _signed(cert_url: str) -> Posted:
    body, transmission, now = _body("I-BW452GLLEP1G"), str(uuid.uuid4()), datetime.now(UTC)
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    said = f"{transmission}|{moment}|{WEBHOOK_ID}|{zlib.crc32(body)}".encode()
    return body, {
        "Content-Type": "application/json",
        "PAYPAL-TRANSMISSION-ID": transmission,
        "PAYPAL-TRANSMISSION-TIME": moment,
        "PAYPAL-CERT-URL": cert_url,
        "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        "PAYPAL-TRANSMISSION-SIG": base64.b64encode(certificate("sandbox").sign(said)).decode(),
    }


@contextmanager
def _portal(stack: Stack, url: str, paypal_url: str, token: str) -> Iterator[Door]:
    trusted = str(stack.folder / "roots.pem")
    with serving.portal(stack, url, simulator=paypal_url, PAYPAL_TRUST_FILE=trusted) as served:
        yield Door(served, f"/webhooks/paypal/{token}")


@contextmanager
def _floor(stack: Stack, url: str) -> Iterator[Door]:
    """The floor's application in gunicorn, with a table of its own beside the portal's."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE floor (id text PRIMARY KEY, body bytea, at timestamptz DEFAULT now())")
    pem = stack.folder / "signer.pem"
    pem.write_bytes(certificate("sandbox").chain)
    settings = stack.environment(url, NOWHERE) | {"FLOOR_SIGNER": str(pem)}
    with serving.gunicorn(stack, "floor", "bench.webhook_floor:make()", ready="/", settings=settings) as served:
        yield Door(served, "/webhook")


def _simulate(count: int, port: int) -> None:
    """Be a PayPal with so many subscriptions, in a process of its own."""
    simulator = Simulator()
    simulator.add_account(CLIENT_ID, CLIENT_SECRET)
    simulator.add_plan()
    for _ in range(count):
        simulator.add_subscription()
    serve(simulator, port=port).wait()


if __name__ == "__main__":
    assert sys.argv[1] == "simulate"  # noqa: S101 - called by this module alone
    _simulate(int(sys.argv[2]), int(sys.argv[3]))
